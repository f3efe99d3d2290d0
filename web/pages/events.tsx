// What happened, as integrators are told of it: the catalogue of types, one's own events, and one event as it is sent.
import { eventObject, type EventRow } from '../../db/events.ts';
import { EVENT_TYPES } from '../../domain/event-types.ts';
import { CopyableId, EmptyState, Moment } from '../parts/basics.tsx';
import { DeveloperTabs } from '../parts/developer-tabs.tsx';
import { SelectField } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import { Table } from '../parts/table.tsx';
import type { Reader } from '../reader.ts';

/** What a type says before its dot: "card_dispute" is "Card dispute". */
export const groupOf = (type: string): string => {
  const name = type.split('.')[0]!.replaceAll('_', ' ');
  return name.charAt(0).toUpperCase() + name.slice(1);
};

type Types = [type: string, words: string][];

/** The catalogue by group, in its own order. */
export const EVENT_GROUPS: readonly (readonly [group: string, types: Types])[] = [
  ...new Set(Object.keys(EVENT_TYPES).map(groupOf)),
].map((group) => [group, Object.entries(EVENT_TYPES).filter(([type]) => groupOf(type) === group)]);

export function CataloguePage({ reader }: { reader: Reader }) {
  return (
    <Layout title="Event catalogue" reader={reader}>
      <h1>Event catalogue</h1>
      <DeveloperTabs reader={reader} at="/events/catalogue" />
      <p class="lead">
        Everything that webhooks tell of, and that <code>GET /v1/events</code> lists. The <a href="/docs">API reference</a>{' '}
        has each one’s fields.
      </p>
      {EVENT_GROUPS.map(([group, types]) => (
        <section aria-label={group}>
          <h2>{group}</h2>
          <Table label={`Events of: ${group}`} columns={['Type', 'What happened']}>
            {types.map(([type, words]) => (
              <tr>
                <th scope="row"><a href={`/events?type=${encodeURIComponent(type)}`}><code>{type}</code></a></th>
                <td>{words}</td>
              </tr>
            ))}
          </Table>
        </section>
      ))}
    </Layout>
  );
} // prettier-ignore

interface EventsProps {
  reader: Reader;
  events: readonly EventRow[];
  type: string | undefined;
  older: string | null;
}

export function EventsPage({ reader, events, type, older }: EventsProps) {
  const options = [['', 'All types'], ...Object.keys(EVENT_TYPES).map((each) => [each, each] as const)] as const;
  return (
    <Layout title="Events" reader={reader} path="/events">
      <h1>Events</h1>
      <DeveloperTabs reader={reader} at="/events" />
      <p class="lead">What happened to you and your escrows, newest first, as your programs are told of it.</p>
      <form method="get" action="/events" class="search">
        <SelectField name="type" label="Type" value={type ?? ''} options={options as readonly (readonly [string, string])[]} />
        <button class="second" type="submit">Show</button>
      </form>
      {events.length === 0 ? (
        <EmptyState title={type === undefined ? 'Nothing has happened yet' : 'None of this type'}>
          <p>An event appears here within about a second. <a href="/events/catalogue">All types</a></p>
        </EmptyState>
      ) : (
        <Table label="Events" columns={['When', 'Type', 'What happened', 'Escrow']}>
          {events.map((event) => {
            const escrow = event.data['escrow_id'];
            return (
              <tr>
                <td><Moment reader={reader} at={event.at} /></td>
                <th scope="row"><a href={`/events/${event.id}`} aria-label={`${event.type}, ${event.id}`}><code>{event.type}</code></a></th>
                <td>{EVENT_TYPES[event.type] ?? event.type}</td>
                <td>{typeof escrow === 'string' ? <a href={`/escrows/${escrow}`}>Its escrow</a> : null}</td>
              </tr>
            );
          })}
        </Table>
      )}
      {older === null ? null : <p><a href={older}>Older events</a></p>}
    </Layout>
  );
} // prettier-ignore

export function EventPage({ reader, event }: { reader: Reader; event: EventRow }) {
  const escrow = event.data['escrow_id'];
  return (
    <Layout title={event.type} reader={reader}>
      <p class="back">
        <a href="/events">All events</a>
      </p>
      <h1>
        <code>{event.type}</code>
      </h1>
      <p>{EVENT_TYPES[event.type] ?? event.type}</p>
      <p>
        <Moment reader={reader} at={event.at} /> · <CopyableId id={event.id} />
      </p>
      {typeof escrow === 'string' ? (
        <p>
          <a href={`/escrows/${escrow}`}>Its escrow</a>
        </p>
      ) : null}
      <h2>As it is sent</h2>
      <pre class="scroll" tabindex={0} role="region" aria-label="The event as JSON">
        <code>{JSON.stringify(eventObject(event), null, 2)}</code>
      </pre>
    </Layout>
  );
}
