// Stripe's events, with their replay.
import { EVENT_STATES, type EventState, type StripeEventRow } from '../../db/stripe-events.ts';
import { CopyableId, EmptyState, ErrorState, Moment, Notice, StatusChip } from '../parts/basics.tsx';
import { Form, newKey } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import type { Reader } from '../reader.ts';
import { EVENT_STATE } from '../ops-words.ts';

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
