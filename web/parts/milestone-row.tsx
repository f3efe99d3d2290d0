// One milestone: title, seller, amount, status in words, its clock, what was delivered, and everything the reader may do.
import { milestoneWaitingOf } from '../../api/escrow-view.ts';
import type { EscrowRecord } from '../../db/escrows.ts';
import type { StoredFile } from '../../db/files.ts';
import { chargedBackAmount, freezesOver, isMilestoneEnd, type MilestoneState } from '../../domain/escrow-state.ts';
import { fundable } from '../../domain/guards.ts';
import { formatDay } from '../format.ts';
import { waitsFor } from '../next-step.ts';
import type { Reader } from '../reader.ts';
import { CHARGED_BACK, FREEZE_REASON, MILESTONE_STATUS } from '../status-words.ts';
import type { PageAction } from '../words.ts';
import { FileList } from './files.tsx';
import { Countdown, Money, StatusChip } from './basics.tsx';
import { ActionButton, PayButton, whoActs } from './next-step.tsx';

interface MilestoneRowProps {
  reader: Reader;
  record: EscrowRecord;
  milestone: MilestoneState;
  actions: readonly PageAction[];
  /** Attached to this milestone, oldest first. */
  files: readonly StoredFile[];
  mayFund: boolean;
}

export function MilestoneRow({ reader, record, milestone: m, actions, files, mayFund }: MilestoneRowProps) {
  const { state } = record;
  const { currency } = state.terms;
  const seller = record.parties.find((p) => p.id === m.sellerId);
  const waiting = milestoneWaitingOf(record, m);
  const payable = mayFund && state.terms.funding === 'per_milestone' && fundable(state, [m.id]).length > 0;
  return (
    <li class="milestone" id={m.id}>
      <div class="head">
        <div>
          <h3>{m.title}</h3>
          <p class="quiet">
            {seller?.name ?? 'Seller'}
            {m.dueAt === null ? null : <> · due {formatDay(reader, m.dueAt)}</>}
          </p>
        </div>
        <p class="amount">
          <Money reader={reader} of={{ amount: m.amount, currency }} />
        </p>
      </div>
      <StatusChip {...milestoneStatus(m)} />
      {isMilestoneEnd(m.status) && waiting.who === 'nobody' ? null : (
        <p>
          {waitsFor(record, reader.person, waiting) ? 'You act next' : whoActs(waiting.who, record)}. {waiting.what}
        </p>
      )}
      <Clock reader={reader} record={record} milestone={m} until={waiting.until} />
      {waiting.otherwise === null ? null : <p class="otherwise">Otherwise: {waiting.otherwise}</p>}
      <Delivered milestone={m} />
      <FileList reader={reader} title="Delivered files" files={files.filter((f) => f.purpose === 'delivery')} />
      <Dispute reader={reader} record={record} milestone={m} />
      <FileList reader={reader} title="Files in the dispute" files={files.filter((f) => f.purpose === 'dispute')} />
      <Moved reader={reader} record={record} milestone={m} />
      {actions.length === 0 && !payable ? null : (
        <div class="actions">
          {payable ? <PayButton reader={reader} record={record} milestoneId={m.id} /> : null}
          {actions.map((action) => (
            <ActionButton reader={reader} escrowId={state.id} milestoneId={m.id} action={action} />
          ))}
        </div>
      )}
    </li>
  );
}

/** Money that went back is the seller's refund, or was taken by the buyer's bank. */
export function milestoneStatus(m: MilestoneState) {
  const taken = m.status === 'refunded' ? chargedBackAmount(m) : 0;
  if (taken === 0) return MILESTONE_STATUS[m.status];
  return taken >= m.refunded ? CHARGED_BACK.whole : CHARGED_BACK.part;
}

interface ClockProps {
  reader: Reader;
  record: EscrowRecord;
  milestone: MilestoneState;
  until: string | null;
}

function Clock({ reader, record, milestone: m, until }: ClockProps) {
  const freezes = freezesOver(record.state, m);
  if (freezes.length > 0 && m.inspection !== null && !isMilestoneEnd(m.status)) {
    const why = [...new Set(freezes.map((f) => FREEZE_REASON[f.reason]))].join(', ');
    const until = new Date(m.inspection.endsAt).toISOString();
    return <Countdown reader={reader} until={until} paused={{ why, remainingMs: m.inspection.remainingMs }} />;
  }
  return until === null ? null : <Countdown reader={reader} until={until} />;
}

function Delivered({ milestone: m }: { milestone: MilestoneState }) {
  return (
    <>
      {m.note === null ? null : (
        <blockquote>
          <p class="quiet">The seller writes</p>
          <p class="written">{m.note}</p>
        </blockquote>
      )}
      {m.deliverableSha256 === null ? null : (
        <p class="quiet">
          Fingerprint of the delivery (SHA-256): <code class="id">{m.deliverableSha256}</code>
        </p>
      )}
      {m.changesNote === null ? null : (
        <blockquote>
          <p class="quiet">The buyer asks for changes ({m.rounds})</p>
          <p class="written">{m.changesNote}</p>
        </blockquote>
      )}
      {m.refundRequest === null || m.refundRequest.reason === '' ? null : (
        <blockquote>
          <p class="quiet">Why a refund is asked for</p>
          <p class="written">{m.refundRequest.reason}</p>
        </blockquote>
      )}
    </>
  );
}

/** What both sides say, and what each would agree to. */
function Dispute({ reader, record, milestone: m }: Omit<MilestoneRowProps, 'actions' | 'files' | 'mayFund'>) {
  const { dispute } = m;
  const { currency } = record.state.terms;
  if (!dispute || dispute.status === 'settled') return null;
  const offers = (['buyer', 'seller'] as const).filter((side) => dispute.offers[side] !== null);
  return (
    <blockquote>
      <p class="quiet">
        In dispute: <Money reader={reader} of={{ amount: dispute.amount, currency }} />. The {dispute.openedRole} writes
      </p>
      <p class="written">{dispute.reason}</p>
      {offers.map((side) => (
        <p>
          The {side} offers that the seller gets{' '}
          <Money reader={reader} of={{ amount: dispute.offers[side] ?? 0, currency }} />.
        </p>
      ))}
    </blockquote>
  );
}

/** Parts that went one way or the other, where the milestone is not simply paid whole. */
function Moved({ reader, record, milestone: m }: Omit<MilestoneRowProps, 'actions' | 'files' | 'mayFund'>) {
  const { currency } = record.state.terms;
  if (m.accepted === 0 && m.refunded === 0) return null;
  const open = m.amount - m.accepted - m.refunded;
  const taken = chargedBackAmount(m);
  return (
    <p class="quiet">
      {m.accepted === 0 ? null : (
        <>
          Accepted: <Money reader={reader} of={{ amount: m.accepted, currency }} />.{' '}
        </>
      )}
      {m.refunded - taken === 0 ? null : (
        <>
          Refunded or on its way back: <Money reader={reader} of={{ amount: m.refunded - taken, currency }} />.{' '}
        </>
      )}
      {taken === 0 ? null : (
        <>
          Taken back by the buyer’s bank: <Money reader={reader} of={{ amount: taken, currency }} />.{' '}
        </>
      )}
      {open === 0 ? null : (
        <>
          Still open: <Money reader={reader} of={{ amount: open, currency }} />.
        </>
      )}
    </p>
  );
}
