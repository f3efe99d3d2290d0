// One escrow, the same page for buyer, seller and staff: next step, money, milestones, terms, everything that happened.
import type { Child } from 'hono/jsx';
import type { EscrowRecord, TimelineRow } from '../../db/escrows.ts';
import type { CardDispute } from '../../db/card-disputes.ts';
import { phaseOf } from '../../domain/chargeback.ts';
import type { StoredFile } from '../../db/files.ts';
import type { Settings } from '../../config/settings.ts';
import { escrowWorkflowId } from '../../domain/ids.ts';
import type { EscrowActions, NextStep } from '../next-step.ts';
import { CopyableId, Moment, Money, Notice, StatusChip } from '../parts/basics.tsx';
import { Layout } from '../parts/layout.tsx';
import { Live } from '../parts/live.tsx';
import { MilestoneRow } from '../parts/milestone-row.tsx';
import { MoneyBar } from '../parts/money-bar.tsx';
import { ActionButton, NextStepBanner, PayButton } from '../parts/next-step.tsx';
import { TermsSummary } from '../parts/terms.tsx';
import { Timeline } from '../parts/timeline.tsx';
import type { Reader } from '../reader.ts';
import { CARD_DISPUTE_PHASE, ESCROW_STATUS, FREEZE_REASON, ROLE_WORDS } from '../status-words.ts';

export interface EscrowPageProps {
  reader: Reader;
  record: EscrowRecord;
  step: NextStep;
  actions: EscrowActions;
  files: readonly StoredFile[];
  cardDisputes: readonly CardDispute[];
  timeline: { data: readonly TimelineRow[]; hasMore: boolean };
  settings: Settings;
  notice: string | undefined;
  /** What a refused command says. */
  problem?: Child;
}

export function EscrowPage(props: EscrowPageProps) {
  const { reader, record, notice, problem } = props;
  const { state } = record;
  const at = `/escrows/${state.id}`;
  return (
    <Layout title={state.terms.title} reader={reader}>
      <p class="back">
        <a href="/escrows">All escrows</a>
      </p>
      <Notice text={notice} />
      {problem}
      <Live id="escrow" path={at} escrowId={state.id} revision={state.revision}>
        <Content {...props} />
      </Live>
    </Layout>
  );
}

/** What changes while it is looked at. */
function Content({ reader, record, step, actions, timeline, files, cardDisputes, settings }: EscrowPageProps) {
  const { state, money } = record;
  const { terms } = state;
  const currency = money.currency ?? state.settlementCurrency ?? terms.currency;
  const at = `/escrows/${state.id}`;
  const mayFund = actions.escrow.includes('fund');
  return (
    <>
      <div class="title">
        <h1>{terms.title}</h1>
        <StatusChip {...ESCROW_STATUS[state.status]} />
      </div>
      <p class="quiet">
        <CopyableId id={state.id} /> · proposed <Moment reader={reader} at={state.createdAt} />
      </p>
      <Freezes record={record} />
      <NextStepBanner reader={reader} record={record} step={step} />
      <section class="card" aria-labelledby="money">
        <h2 id="money">Money</h2>
        <MoneyBar reader={reader} money={money} currency={currency} detailsAt={`${at}/money`} />
        <p>
          <a href={`${at}/money`}>Every payment, transfer and refund</a>
        </p>
      </section>
      <section aria-labelledby="milestones">
        <h2 id="milestones">Milestones</h2>
        <ol class="list">
          {state.milestones.map((m) => (
            <MilestoneRow reader={reader} record={record} milestone={m} actions={actions.milestones[m.id] ?? []} files={files.filter((f) => f.milestone_id === m.id)} mayFund={mayFund} />
          ))}
        </ol>
      </section>
      <CardDisputes reader={reader} disputes={cardDisputes} />
      <WholeActions reader={reader} record={record} step={step} actions={actions} />
      <section class="card" aria-labelledby="parties">
        <h2 id="parties">People</h2>
        <ul class="plain-list">
          {record.parties.map((p) => (
            <li>
              <span class="strong">{p.name}</span> · {ROLE_WORDS[p.role].toLowerCase()} ·{' '}
              {state.consents.includes(p.id) ? 'has agreed' : 'has not agreed yet'}
            </li>
          ))}
        </ul>
      </section>
      <TermsSummary reader={reader} state={state} />
      <section class="card" aria-labelledby="timeline">
        <h2 id="timeline">Everything that happened</h2>
        <Timeline
          reader={reader}
          entries={timeline.data}
          milestones={new Map(state.milestones.map((m) => [m.id, m.title]))}
          currency={terms.currency}
          settlementCurrency={currency}
        />
        {timeline.hasMore ? <p class="quiet">The newest entries are not shown here; the API lists all.</p> : null}
      </section>
      <StaffLinks reader={reader} escrowId={state.id} settings={settings} />
    </>
  );
} // prettier-ignore

function Freezes({ record: { state } }: { record: EscrowRecord }) {
  return (
    <>
      {state.frozen.map((f) => {
        const milestone = state.milestones.find((m) => m.id === f.subject);
        return (
          <p class="problem">
            <span class="strong">
              {f.scope === 'escrow' ? 'This escrow is frozen' : `Frozen: ${milestone?.title ?? 'a part of it'}`}
            </span>
            , {FREEZE_REASON[f.reason]}: {f.detail}. No money moves and no timer runs where it holds.
          </p>
        );
      })}
    </>
  );
} // prettier-ignore

/** What the buyer's bank disputes: each has a page with its evidence. */
function CardDisputes({ reader, disputes }: { reader: Reader; disputes: readonly CardDispute[] }) {
  if (disputes.length === 0) return null;
  return (
    <section class="card" aria-labelledby="card-disputes">
      <h2 id="card-disputes">Disputes at the bank</h2>
      <ul class="plain-list">
        {disputes.map((d) => (
          <li>
            <a href={`/disputes/${d.id}`}>
              <Money reader={reader} of={d} />, {d.reason.replaceAll('_', ' ')}
            </a>{' '}
            <StatusChip {...CARD_DISPUTE_PHASE[phaseOf(d.status)]} />
            {d.due_by === null || !['open', 'inquiry'].includes(phaseOf(d.status)) ? null : (
              <>
                {' '}
                the bank listens until <Moment reader={reader} at={d.due_by} />
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What may be done to the escrow as a whole, beside the banner's main button. */
function WholeActions({ reader, record, step, actions }: Pick<EscrowPageProps, 'reader' | 'record' | 'step' | 'actions'>) {
  const { state } = record;
  const inBanner = step.yours && step.action === 'fund';
  const others = actions.escrow.filter((action) => action !== 'agree' && action !== 'fund');
  const pays = actions.escrow.includes('fund') && state.terms.funding === 'upfront' && !inBanner;
  if (others.length === 0 && !pays) return null;
  return (
    <section aria-labelledby="whole">
      <h2 id="whole">The escrow as a whole</h2>
      <div class="actions">
        {pays ? <PayButton reader={reader} record={record} milestoneId={null} /> : null}
        {others.map((action) => (
          <ActionButton reader={reader} escrowId={state.id} milestoneId={null} action={action} />
        ))}
      </div>
    </section>
  );
} // prettier-ignore

/** Staff look behind it: the workflow in Temporal's UI, and the ledger. */
function StaffLinks({ reader, escrowId, settings }: { reader: Reader; escrowId: string; settings: Settings }) {
  if (reader.person.role !== 'ops' && reader.person.role !== 'auditor') return null;
  const { uiUrl, namespace } = settings.temporal;
  const id = escrowWorkflowId(escrowId);
  return (
    <section class="card" aria-labelledby="behind">
      <h2 id="behind">Behind it</h2>
      <ul class="plain-list">
        <li>
          Workflow <CopyableId id={id} />
          {uiUrl === undefined ? null : (
            <>
              {' '}
              <a href={`${uiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(id)}`}>in Temporal’s UI</a>
            </>
          )}
        </li>
        <li>
          <a href={`/escrows/${escrowId}/money`}>Ledger entries and Stripe’s ids</a>
        </li>
        <li>
          <a href={`/ops/escrows/${escrowId}`}>All sides: workflow, ledger, Stripe, events</a>
        </li>
        <li>
          <a href={`/ops/audit?subject=${escrowId}`}>Who did what: the audit log</a>
        </li>
        {reader.person.role === 'ops' ? (
          <li>
            <a href={`/ops/escrows/${escrowId}/force-decision`}>Force a decision over money held too long</a>
          </li>
        ) : null}
        {reader.person.role === 'ops' ? (
          <li>
            <a href={`/ops/escrows/${escrowId}/refund-by-bank`}>
              Refund by bank transfer what Stripe cannot refund any more
            </a>
          </li>
        ) : null}
      </ul>
    </section>
  );
}
