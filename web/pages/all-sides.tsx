// One escrow from all sides, for staff: why the money is where it is, its workflow, ledger, objects at Stripe, events, decisions.
import type { Approval } from '../../db/approvals.ts';
import type { EscrowRecord } from '../../db/escrows.ts';
import type { StoredFile } from '../../db/files.ts';
import type { LedgerLine } from '../../db/ledger.ts';
import type { Alert } from '../../db/queues.ts';
import type { StripeEventRow } from '../../db/stripe-events.ts';
import { CopyableId, Moment, Money, StatusChip } from '../parts/basics.tsx';
import { FileList } from '../parts/files.tsx';
import { Layout } from '../parts/layout.tsx';
import type { DryRunResult } from '../parts/consequences.tsx';
import { MoneyBar } from '../parts/money-bar.tsx';
import { Table } from '../parts/table.tsx';
import type { Reader } from '../reader.ts';
import type { AnyMovement } from '../reads.ts';
import { PAYMENT_STATUS } from '../money-words.ts';
import { APPROVAL_KIND, APPROVAL_STATUS, EVENT_STATE } from '../ops-words.ts';
import { ESCROW_STATUS, statusWords } from '../status-words.ts';
import { Ledger } from './money.tsx';
import { Detail } from './today.tsx';

export interface WorkflowFacts {
  id: string;
  status: string;
  historyLength: number;
  started: Date;
  /** What retries now, and why. */
  pending: { name: string; attempt: number; failure: string | null }[];
  attributes: readonly (readonly [name: string, value: string])[];
}

interface AllSidesProps {
  reader: Reader;
  record: EscrowRecord;
  explanation: string;
  /** Null: Temporal did not answer, or the workflow's retention is over. */
  workflow: WorkflowFacts | null;
  temporal: readonly (readonly [href: string, label: string])[];
  movements: readonly AnyMovement[];
  /** Where an object stands in Stripe's dashboard; null in the sandbox. */
  dashboard: string | null;
  entries: readonly LedgerLine[];
  events: readonly StripeEventRow[];
  approvals: readonly Approval[];
  alerts: readonly Alert[];
  files: readonly StoredFile[];
  /** Of each payment: what would follow if its bank took it back whole, or why that cannot be said. */
  disputes: readonly { paymentId: string; preview: DryRunResult['preview'] }[];
}

export function AllSidesPage(props: AllSidesProps) {
  const { reader, record, explanation, entries, approvals, alerts, files } = props;
  const { state, money } = record;
  const home = `/escrows/${state.id}`;
  const currency = money.currency ?? state.settlementCurrency ?? state.terms.currency;
  return (
    <Layout title={`All sides of ${state.terms.title}`} reader={reader}>
      <p class="back">
        <a href={home}>As buyer and seller see it</a>
      </p>
      <div class="title">
        <h1>{state.terms.title}</h1>
        <StatusChip {...ESCROW_STATUS[state.status]} />
      </div>
      <p class="quiet">
        <CopyableId id={state.id} /> · revision {String(state.revision)}
      </p>
      <section class="card" aria-labelledby="why">
        <h2 id="why">Why is the money where it is?</h2>
        <p>{explanation}</p>
        <MoneyBar reader={reader} money={money} currency={currency} detailsAt={`${home}/money`} />
      </section>
      {alerts.length === 0 ? null : (
        <section class="card" aria-labelledby="its-alerts">
          <h2 id="its-alerts">Open alerts</h2>
          <ul class="plain-list">
            {alerts.map((alert) => (
              <li>
                <span class="strong">{alert.kind.replaceAll(/[._]/g, ' ')}</span>, <Moment reader={reader} at={alert.created_at} />
                <Detail detail={alert.detail} />
              </li>
            ))}
          </ul>
        </section>
      )}
      <div class="sides">
        <Workflow {...props} />
        <AtStripe {...props} />
      </div>
      <IfDisputed {...props} />
      <Events {...props} />
      {approvals.length === 0 ? null : (
        <section class="card" aria-labelledby="its-approvals">
          <h2 id="its-approvals">Decisions by two people</h2>
          <ul class="plain-list">
            {approvals.map((a) => (
              <li>
                <a href={`/ops/approvals/${a.id}`}>{APPROVAL_KIND[a.kind]}</a> <StatusChip {...APPROVAL_STATUS[a.status]} />{' '}
                <Moment reader={reader} at={a.created_at} />
              </li>
            ))}
          </ul>
        </section>
      )}
      <FileList reader={reader} title="Files" files={files} />
      <Ledger reader={reader} entries={entries} />
      <p>
        <a href={`/ops/audit?subject=${state.id}`}>Who did what: the audit log</a>
      </p>
    </Layout>
  );
} // prettier-ignore

/** By the rules that divide a real loss; as if every seller's balance at Stripe covered it. */
function IfDisputed({ reader, record, disputes }: AllSidesProps) {
  const titles = new Map(record.state.milestones.map((m) => [m.id, m.title]));
  if (disputes.length === 0) return null;
  return (
    <section class="card" aria-labelledby="if-disputed">
      <h2 id="if-disputed">If a bank took it back</h2>
      {disputes.map(({ paymentId, preview }) => (
        <>
          <p>
            The whole of payment <CopyableId id={paymentId} />, lost:
          </p>
          {preview.refusal === null ? null : <p class="quiet">{preview.refusal.detail}</p>}
          <ul class="plain-list">
            {preview.losses.map((l) => (
              <li>
                {titles.get(l.milestone_id)}: <Money reader={reader} of={l.amount} />, of which{' '}
                <Money reader={reader} of={l.unreleased} /> not paid out yet, <Money reader={reader} of={l.reversed} />{' '}
                taken back from the seller, <Money reader={reader} of={l.owed} /> owed by the seller,{' '}
                <Money reader={reader} of={l.fees_returned} /> fees given back,{' '}
                <Money reader={reader} of={l.platform} /> the platform’s
              </li>
            ))}
          </ul>
          {preview.notes.map((note) => (
            <p class="quiet">{note}</p>
          ))}
        </>
      ))}
    </section>
  );
}

function Workflow({ reader, workflow, temporal }: AllSidesProps) {
  return (
    <section class="card" aria-labelledby="workflow">
      <h2 id="workflow">Workflow</h2>
      {workflow === null ? (
        <p class="quiet">Temporal does not know it any more, or did not answer. The state below is the database’s own.</p>
      ) : (
        <>
          <p>
            <CopyableId id={workflow.id} />
          </p>
          <ul class="plain-list">
            <li>
              {workflow.status}, since <Moment reader={reader} at={workflow.started} />; {String(workflow.historyLength)}{' '}
              events in its history
            </li>
            {workflow.attributes.map(([name, value]) => (
              <li>
                {name}: {value}
              </li>
            ))}
            {workflow.pending.map((p) => (
              <li class="strong">
                {p.name} is tried for the {String(p.attempt)}. time{p.failure === null ? '' : `: ${p.failure}`}
              </li>
            ))}
          </ul>
        </>
      )}
      <ul class="plain-list">
        {temporal.map(([href, label]) => (
          <li>
            <a href={href}>{label}</a>
          </li>
        ))}
      </ul>
    </section>
  );
} // prettier-ignore

function AtStripe({ reader, movements, dashboard }: AllSidesProps) {
  return (
    <section class="card" aria-labelledby="stripe">
      <h2 id="stripe">At Stripe</h2>
      {movements.length === 0 ? (
        <p class="quiet">Nothing yet.</p>
      ) : (
        <ul class="plain-list">
          {movements.map((m) => (
            <li>
              <span class="strong">
                {m.kind} of <Money reader={reader} of={m} />
              </span>{' '}
              <StatusChip {...statusWords(PAYMENT_STATUS, m.status)} />
              <p class="quiet">
                <CopyableId id={m.id} />{' '}
                {[m.stripe_id, m.stripe_charge_id].map((id) =>
                  id === null ? null : dashboard === null ? (
                    <CopyableId id={id} />
                  ) : (
                    <a href={`${dashboard}/search?query=${encodeURIComponent(id)}`}>{id}</a>
                  ),
                )}
              </p>
              {m.error_message === null ? null : <p>{m.error_message}</p>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Events({ reader, events }: AllSidesProps) {
  return (
    <section class="card" aria-labelledby="its-events">
      <h2 id="its-events">Events from Stripe ({String(events.length)})</h2>
      {events.length === 0 ? (
        <p class="quiet">None yet.</p>
      ) : (
        <Table label="Events from Stripe" columns={['Arrived', 'Event', 'State']}>
          {events.map((e) => (
            <tr>
              <td>
                <Moment reader={reader} at={e.received_at} />
              </td>
              <th scope="row">
                {e.type} <CopyableId id={e.id} />
                {e.error === null ? null : <span class="of">{e.error}</span>}
              </th>
              <td>
                <StatusChip {...EVENT_STATE[e.state]} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}
