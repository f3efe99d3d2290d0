// Staff's pages: today (every queue with its size and its oldest), and Stripe's events with their replay.
import { EVENT_STATES, type EventState, type StripeEventRow } from '../../db/stripe-events.ts';
import { formatSpan } from '../format.ts';
import { CopyableId, EmptyState, ErrorState, Moment, Notice, StatusChip } from '../parts/basics.tsx';
import { Form, newKey } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import type { Reader } from '../reader.ts';
import type { Alert, EventCount, FrozenEscrow } from '../reads.ts';
import { EVENT_STATE, FREEZE_REASON } from '../words.ts';
import type { FreezeReason } from '../../domain/escrow-state.ts';

interface TodayProps {
  reader: Reader;
  alerts: readonly Alert[];
  frozen: readonly FrozenEscrow[];
  events: readonly EventCount[];
  /** What was searched and not found. */
  notFound: string | null;
  temporalUi: string | undefined;
}

const age = (reader: Reader, at: Date | number) => formatSpan(Math.max(0, reader.now - new Date(at).getTime()));

export function TodayPage({ reader, alerts, frozen, events, notFound, temporalUi }: TodayProps) {
  return (
    <Layout title="Today" reader={reader} path="/ops">
      <h1>Today</h1>
      <form method="get" action="/ops/search" class="search" role="search">
        <label for="id">Find by id</label>
        <div class="together">
          <input id="id" name="id" required autocomplete="off" spellcheck={false} aria-describedby="id-hint" />
          <button type="submit">Find</button>
        </div>
        <p class="hint" id="id-hint">
          An escrow, a milestone, a payment, a transfer, a refund, or Stripe’s own id of one.
        </p>
      </form>
      {notFound === null ? null : (
        <ErrorState title="Nothing has this id">
          <p>
            Nothing of ours and nothing that we know of Stripe’s is called <code class="id">{notFound}</code>.
          </p>
        </ErrorState>
      )}
      <section class="card" aria-labelledby="alerts">
        <h2 id="alerts">Needs a person ({String(alerts.length)})</h2>
        {alerts.length === 0 ? (
          <p class="quiet">Nothing waits for you.</p>
        ) : (
          <ul class="plain-list">
            {alerts.map((alert) => (
              <li>
                <span class="strong">{alert.kind.replaceAll(/[._]/g, ' ')}</span> · since{' '}
                {age(reader, alert.created_at)}
                {alert.escrow_id === null ? null : (
                  <>
                    {' '}
                    · <a href={`/escrows/${alert.escrow_id}`}>its escrow</a>
                  </>
                )}
                <Detail detail={alert.detail} />
              </li>
            ))}
          </ul>
        )}
      </section>
      <section class="card" aria-labelledby="frozen">
        <h2 id="frozen">Frozen ({String(frozen.length)})</h2>
        {frozen.length === 0 ? (
          <p class="quiet">Nothing is frozen.</p>
        ) : (
          <ul class="plain-list">
            {frozen.map((escrow) => (
              <li>
                <a href={`/escrows/${escrow.id}`}>{escrow.title}</a>
                {escrow.frozen.map((f) => (
                  <p class="quiet">
                    {FREEZE_REASON[f.reason as FreezeReason] ?? f.reason}: {f.detail} · since {age(reader, f.since)}
                  </p>
                ))}
              </li>
            ))}
          </ul>
        )}
      </section>
      <section class="card" aria-labelledby="events">
        <h2 id="events">Events from Stripe</h2>
        {events.length === 0 ? (
          <p class="quiet">None has arrived yet.</p>
        ) : (
          <ul class="plain-list">
            {events.map(({ state, count, oldest }) => (
              <li>
                <a href={`/ops/events?state=${state}`}>{EVENT_STATE[state].label}</a>: {String(count)} · the oldest
                arrived {age(reader, oldest)} ago
              </li>
            ))}
          </ul>
        )}
      </section>
      {temporalUi === undefined ? null : (
        <p>
          <a href={temporalUi}>All workflows in Temporal’s UI</a>
        </p>
      )}
    </Layout>
  );
}

function Detail({ detail }: { detail: Record<string, unknown> }) {
  const shown = Object.entries(detail).filter(([, value]) => typeof value === 'string' || typeof value === 'number');
  return shown.length === 0 ? null : (
    <p class="quiet">{shown.map(([name, value]) => `${name.replaceAll('_', ' ')}: ${String(value)}`).join(' · ')}</p>
  );
}

interface EventsProps {
  reader: Reader;
  events: readonly StripeEventRow[];
  state: EventState | undefined;
  older: string | null;
  notice: string | undefined;
  problem: string | undefined;
}

export function EventsPage({ reader, events, state, older, notice, problem }: EventsProps) {
  const replays = reader.person.role === 'ops';
  return (
    <Layout title="Events from Stripe" reader={reader} path="/ops/events">
      <h1>Events from Stripe</h1>
      <Notice text={notice} />
      {problem === undefined ? null : (
        <ErrorState title="It was not replayed">
          <p>{problem}</p>
        </ErrorState>
      )}
      <nav class="tabs" aria-label="Which events">
        <ul>
          {[undefined, ...EVENT_STATES].map((each) => (
            <li>
              <a href={each === undefined ? '/ops/events' : `/ops/events?state=${each}`} {...(each === state ? { 'aria-current': 'true' } : {})}>
                {each === undefined ? 'All' : EVENT_STATE[each].label}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {events.length === 0 ? (
        <EmptyState title="There is no such event">
          <p>Events arrive here as Stripe sends them, and are done in their order.</p>
        </EmptyState>
      ) : (
        <div class="scroll" tabindex={0} role="region" aria-label="Events">
          <table>
            <thead>
              <tr>
                <th scope="col">Event</th>
                <th scope="col">Arrived</th>
                <th scope="col">State</th>
                <th scope="col" class="right">Tries</th>
                <th scope="col">Escrow</th>
                {replays ? <th scope="col">Again</th> : null}
              </tr>
            </thead>
            <tbody>
              {events.map((event) => (
                <tr>
                  <th scope="row">
                    {event.type} <CopyableId id={event.id} />
                    {event.error === null ? null : <span class="of">{event.error}</span>}
                  </th>
                  <td><Moment reader={reader} at={event.received_at} /></td>
                  <td><StatusChip {...EVENT_STATE[event.state]} /></td>
                  <td class="right">{String(event.attempts)}</td>
                  <td>{event.escrow_id === null ? 'none' : <a href={`/escrows/${event.escrow_id}`}>Open</a>}</td>
                  {replays ? (
                    <td>
                      {event.state === 'quarantined' ? null : (
                        <Form reader={reader} action={`/ops/events/${event.id}/replay`} commandKey={newKey()}>
                          <button class="second" type="submit" aria-label={`Replay ${event.id}`}>Replay</button>
                        </Form>
                      )}
                    </td>
                  ) : null}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {older === null ? null : <p><a href={older}>Older events</a></p>}
    </Layout>
  );
} // prettier-ignore
