// Staff's first page: every queue with its size and its oldest, search, and below what waits in the queues that have no page.
import type { FreezeReason } from '../../domain/escrow-state.ts';
import type { Alert, Queue, QueueName, Waiting } from '../../db/queues.ts';
import { alertWords } from '../alert-words.ts';
import { formatSpan } from '../format.ts';
import { Countdown, ErrorState, Moment, Notice, StatusChip } from '../parts/basics.tsx';
import { Form, newKey, TextInput } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import { Table } from '../parts/table.tsx';
import type { Reader } from '../reader.ts';
import type { EventCount, FrozenEscrow } from '../reads.ts';
import { EVENT_STATE, QUEUE_WORDS } from '../ops-words.ts';
import { FREEZE_REASON, MILESTONE_STATUS } from '../status-words.ts';
import type { MilestoneStatus } from '../../domain/escrow-state.ts';

interface TodayProps {
  reader: Reader;
  queues: readonly Queue[];
  alerts: readonly Alert[];
  stuck: readonly Waiting[];
  frozen: readonly FrozenEscrow[];
  events: readonly EventCount[];
  /** What was searched and not found. */
  notFound: string | null;
  temporal: readonly (readonly [href: string, label: string])[];
  notice: string | undefined;
  problem: string | undefined;
}

/** Where the things of a queue stand. */
const PATHS: Record<QueueName, string> = {
  rulings: '#stuck',
  approvals: '/ops/approvals?status=pending',
  chargebacks: '/ops/chargebacks',
  blocked_funds: '#stuck',
  blocked_kyc: '#stuck',
  refunds_by_bank: '#stuck',
  frozen: '#frozen',
  reconciliation: '/ops/reconciliations',
  unknown: '#alerts',
  alerts: '#alerts',
  parked: '/ops/events?state=parked',
  quarantined: '/ops/events?state=quarantined',
  payouts: '/ops/payouts?status=failed',
  open_commands: '/ops/health',
};

const age = (reader: Reader, at: Date | number | null) =>
  at === null ? 'unknown' : formatSpan(Math.max(0, reader.now - new Date(at).getTime()));

export function TodayPage(props: TodayProps) {
  const { reader, queues, notFound, temporal, notice, problem } = props;
  const waiting = queues.filter((q) => q.count > 0);
  return (
    <Layout title="Today" reader={reader} path="/ops">
      <h1>Today</h1>
      <Notice text={notice} />
      {problem === undefined ? null : (
        <ErrorState title="This was not done">
          <p>{problem}</p>
        </ErrorState>
      )}
      <form method="get" action="/ops/search" class="search" role="search">
        <label for="id">Find</label>
        <div class="together">
          <input id="id" name="id" required autocomplete="off" spellcheck={false} aria-describedby="id-hint" />
          <button type="submit">Find</button>
        </div>
        <p class="hint" id="id-hint">
          Any id of ours or Stripe’s, an e-mail address, or words of a title.
        </p>
      </form>
      {notFound === null ? null : (
        <ErrorState title="Nothing is found">
          <p>
            Nothing of ours and nothing that we know of Stripe’s is called <code class="id">{notFound}</code>.
          </p>
        </ErrorState>
      )}
      <section class="card" aria-labelledby="queues">
        <h2 id="queues">
          {waiting.length === 0 ? 'Nothing waits for you' : `${String(waiting.reduce((sum, q) => sum + q.count, 0))} ${waiting.length === 1 && waiting[0]!.count === 1 ? 'thing waits' : 'things wait'}`}
        </h2>
        {waiting.length === 0 ? null : (
          <Table label="Queues" columns={['Queue', { label: 'Waiting', right: true }, 'The oldest waits']}>
            {waiting.map((q) => (
              <tr>
                <th scope="row">
                  <a href={PATHS[q.name]}>{QUEUE_WORDS[q.name].label}</a>
                  <span class="of">{QUEUE_WORDS[q.name].what}</span>
                </th>
                <td class="right">{String(q.count)}</td>
                <td>{age(reader, q.oldest)}</td>
              </tr>
            ))}
          </Table>
        )}
        <p class="quiet">
          Empty:{' '}
          {queues
            .filter((q) => q.count === 0)
            .map((q) => QUEUE_WORDS[q.name].label)
            .join(' · ')}
          .
        </p>
      </section>
      <Alerts {...props} />
      <Stuck {...props} />
      <Frozen {...props} />
      <Events {...props} />
      {temporal.length === 0 ? null : (
        <section class="card" aria-labelledby="temporal">
          <h2 id="temporal">In Temporal’s UI</h2>
          <ul class="plain-list">
            {temporal.map(([href, label]) => (
              <li>
                <a href={href}>{label}</a>
              </li>
            ))}
          </ul>
        </section>
      )}
    </Layout>
  );
} // prettier-ignore

function Alerts({ reader, alerts }: TodayProps) {
  if (alerts.length === 0) return null;
  return (
    <section class="card" aria-labelledby="alerts">
      <h2 id="alerts">Alerts ({String(alerts.length)})</h2>
      <ul class="plain-list">
        {alerts.map((alert) => (
          <li>
            <span class="strong">{alertWords(alert.kind).label}</span> · for {age(reader, alert.created_at)}
            {alert.escrow_id === null ? null : (
              <>
                {' '}
                · <a href={`/ops/escrows/${alert.escrow_id}`}>its escrow</a>
              </>
            )}
            <p>{alertWords(alert.kind).todo}</p>
            <Detail detail={alert.detail} />
            {reader.person.role === 'ops' ? (
              <details>
                <summary>Close it…</summary>
                <Form reader={reader} action={`/ops/alerts/${String(alert.id)}/resolve`} commandKey={newKey()}>
                  <TextInput name="note" id={`note-${String(alert.id)}`} label="What was done" value="" required />
                  <button class="second" type="submit">
                    Close this alert
                  </button>
                </Form>
              </details>
            ) : null}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Stuck({ reader, stuck }: TodayProps) {
  if (stuck.length === 0) return null;
  return (
    <section class="card" aria-labelledby="stuck">
      <h2 id="stuck">Disputes to rule, transfers and refunds that cannot be made ({String(stuck.length)})</h2>
        <ul class="plain-list">
          {stuck.map((m) => (
            <li>
              <a href={`/escrows/${m.escrow_id}#${m.milestone_id}`}>
                {m.escrow_title}: {m.milestone_title}
              </a>{' '}
              <StatusChip {...(m.stage === 'needs_bank' ? { label: 'To be paid by bank transfer', tone: 'bad' } : m.stage === null || m.status !== 'disputed' ? MILESTONE_STATUS[m.status as MilestoneStatus] : { label: m.stage === 'second_arbiter' ? 'A second person rules' : 'To be ruled', tone: 'bad' })} />
              <span class="quiet"> for {age(reader, m.since)}</span>
              {m.status === 'disputed' && m.until !== null ? <Countdown reader={reader} until={m.until.toISOString()} /> : null}
            </li>
          ))}
        </ul>
    </section>
  );
} // prettier-ignore

function Frozen({ reader, frozen }: TodayProps) {
  if (frozen.length === 0) return null;
  return (
    <section class="card" aria-labelledby="frozen">
      <h2 id="frozen">Frozen ({String(frozen.length)})</h2>
      <ul class="plain-list">
        {frozen.map((escrow) => (
          <li>
            <a href={`/escrows/${escrow.id}`}>{escrow.title}</a>
            {escrow.frozen.map((f) => (
              <p class="quiet">
                {FREEZE_REASON[f.reason as FreezeReason] ?? f.reason}: {f.detail} · for {age(reader, f.since)}
              </p>
            ))}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Events({ reader, events }: TodayProps) {
  return (
    <section class="card" aria-labelledby="events">
      <h2 id="events">Events from Stripe</h2>
      {events.length === 0 ? (
        <p class="quiet">None has arrived yet.</p>
      ) : (
        <ul class="plain-list">
          {events.map(({ state, count, oldest }) => (
            <li>
              <a href={`/ops/events?state=${state}`}>{EVENT_STATE[state].label}</a>: {String(count)} · the oldest
              arrived <Moment reader={reader} at={oldest} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

export function Detail({ detail }: { detail: Record<string, unknown> }) {
  const shown = Object.entries(detail).filter(([, value]) => typeof value === 'string' || typeof value === 'number');
  return shown.length === 0 ? null : (
    <p class="quiet">{shown.map(([name, value]) => `${name.replaceAll('_', ' ')}: ${String(value)}`).join(' · ')}</p>
  );
}
