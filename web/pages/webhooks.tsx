// Whom we tell what happened: one's endpoints, one endpoint with its secret, and the log of what was sent to it.
import type { Delivery, WebhookEndpoint } from '../../db/webhooks.ts';
import { CopyableId, EmptyState, ErrorState, Moment, Notice, StatusChip } from '../parts/basics.tsx';
import { DeveloperTabs } from '../parts/developer-tabs.tsx';
import { Form, newKey, SelectField, TextInput } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import { ShownOnce } from '../parts/shown-once.tsx';
import { FilterTabs, Table } from '../parts/table.tsx';
import type { Reader } from '../reader.ts';
import type { Tone } from '../status-words.ts';
import { EVENT_GROUPS } from './events.tsx';

/** What a form holds; `all`: every type of event, also those that are yet to come. */
export interface EndpointForm {
  url: string;
  description: string;
  all: boolean;
  eventTypes: readonly string[];
}

export const formOfEndpoint = (e: WebhookEndpoint): EndpointForm => ({
  url: e.url,
  description: e.description,
  all: e.event_types.includes('*'),
  eventTypes: e.event_types.filter((type) => type !== '*'),
});

const STATUS: Record<WebhookEndpoint['status'], { label: string; tone: Tone }> = {
  enabled: { label: 'Enabled', tone: 'good' },
  disabled: { label: 'Disabled', tone: 'bad' },
};

const DELIVERY_STATUS: Record<Delivery['status'], { label: string; tone: Tone }> = {
  pending: { label: 'On its way', tone: 'waiting' },
  delivered: { label: 'Delivered', tone: 'good' },
  failed: { label: 'Not delivered', tone: 'bad' },
};

const Refused = ({ text }: { text: string | undefined }) =>
  text === undefined ? null : (
    <ErrorState title="Nothing was changed">
      <p>{text}</p>
    </ErrorState>
  );

function EndpointFields({ form }: { form: EndpointForm }) {
  return (
    <>
      <TextInput name="url" label="Address" hint="https://…, reachable from the internet; redirects are not followed." value={form.url} required />
      <TextInput name="description" label="What it is for" hint="Only you read it; it may stay empty." value={form.description} />
      <fieldset class="choices-list">
        <legend>Which events</legend>
        <label class="check">
          <input type="radio" name="which" value="all" checked={form.all} />
          <span>All, also types that are yet to come</span>
        </label>
        <label class="check">
          <input type="radio" name="which" value="some" checked={!form.all} />
          <span>Only those that are marked below</span>
        </label>
        <details open={!form.all}>
          <summary>Types of events</summary>
          {EVENT_GROUPS.map(([group, types]) => (
            <fieldset class="choices-list">
              <legend>{group}</legend>
              {types.map(([type, words]) => (
                <label class="check">
                  <input type="checkbox" name="event_types" value={type} checked={form.eventTypes.includes(type)} />
                  <span><code>{type}</code> <span class="quiet">{words}</span></span>
                </label>
              ))}
            </fieldset>
          ))}
        </details>
      </fieldset>
    </>
  );
} // prettier-ignore

interface EndpointsProps {
  reader: Reader;
  endpoints: readonly WebhookEndpoint[];
  form: EndpointForm;
  notice?: string | undefined;
  problem?: string | undefined;
}

export function EndpointsPage({ reader, endpoints, form, notice, problem }: EndpointsProps) {
  return (
    <Layout title="Webhooks" reader={reader}>
      <h1>Webhooks</h1>
      <DeveloperTabs reader={reader} at="/webhook-endpoints" />
      <p class="lead">
        Your own programs are told what happens, signed by{' '}
        <a href="https://www.standardwebhooks.com">Standard Webhooks</a>, and again for 75 hours until they take it.
      </p>
      <Notice text={notice} />
      <Refused text={problem} />
      {endpoints.length === 0 ? (
        <EmptyState title="Nobody is told yet">
          <p>Add the address of your program; its secret is shown to you once.</p>
        </EmptyState>
      ) : (
        <Table label="Your endpoints" columns={['Address', 'Events', 'Status', 'Since']}>
          {endpoints.map((e) => (
            <tr>
              <th scope="row">
                <a href={`/webhook-endpoints/${e.id}`}>{e.url}</a>
                {e.description === '' ? null : <span class="of">{e.description}</span>}
              </th>
              <td>{eventsInWords(e)}</td>
              <td><StatusChip {...STATUS[e.status]} /></td>
              <td><Moment reader={reader} at={e.created_at} /></td>
            </tr>
          ))}
        </Table>
      )}
      <Form reader={reader} action="/webhook-endpoints" commandKey={newKey()} class="card">
        <h2>Add an endpoint</h2>
        <EndpointFields form={form} />
        <button type="submit">Add it</button>
      </Form>
    </Layout>
  );
} // prettier-ignore

const eventsInWords = (e: WebhookEndpoint): string =>
  e.event_types.includes('*')
    ? 'All'
    : e.event_types.length === 1
      ? e.event_types[0]!
      : `${e.event_types.length} types`;

interface SecretProps {
  reader: Reader;
  endpoint: { id: string; url: string; previous_secret_until: string | null };
  /** Undefined: this form was sent before, and the secret shown then. */
  secret: string | undefined;
}

export function EndpointSecretPage({ reader, endpoint, secret }: SecretProps) {
  const until = endpoint.previous_secret_until;
  return (
    <Layout title="The secret of your endpoint" reader={reader}>
      <div class="narrow">
        <h1>The secret of your endpoint</h1>
        <p>{endpoint.url}</p>
        <ShownOnce what="The secret" secret={secret} otherwise="Replace the secret if you have not kept it." />
        <p>With it your program proves that a delivery is ours: the <a href="/docs">API reference</a> says how.</p>
        {until === null ? null : <p>The former secret signs too until <Moment reader={reader} at={until} />.</p>}
        <p>
          <a href={`/webhook-endpoints/${endpoint.id}`}>I have kept it</a>
        </p>
      </div>
    </Layout>
  );
} // prettier-ignore

const HOURS = [['0', 'At once'], ['1', 'After an hour'], ['24', 'After a day'], ['168', 'After a week']] as const; // prettier-ignore

interface EndpointProps {
  reader: Reader;
  endpoint: WebhookEndpoint;
  form: EndpointForm;
  deliveries: readonly Delivery[];
  status: Delivery['status'] | undefined;
  older: string | null;
  notice?: string | undefined;
  problem?: string | undefined;
}

export function EndpointPage({ reader, endpoint, form, deliveries, status, older, notice, problem }: EndpointProps) {
  const home = `/webhook-endpoints/${endpoint.id}`;
  const on = endpoint.status === 'enabled';
  return (
    <Layout title="An endpoint" reader={reader}>
      <p class="back"><a href="/webhook-endpoints">All endpoints</a></p>
      <h1>{endpoint.url}</h1>
      <Notice text={notice} />
      <Refused text={problem} />
      <p>
        <StatusChip {...STATUS[endpoint.status]} /> <CopyableId id={endpoint.id} />
        {endpoint.description === '' ? null : <span class="of">{endpoint.description}</span>}
      </p>
      {on ? null : (
        <p>
          <span class="strong">Nothing is sent to it{endpoint.disabled_reason === null ? '' : `: ${endpoint.disabled_reason}`}.</span>{' '}
          What happened meanwhile is not sent afterwards: your program reads on by <code>GET /v1/events</code>.
        </p>
      )}
      <div class="actions">
        <Form reader={reader} action={`${home}/${on ? 'disable' : 'enable'}`} commandKey={newKey()}>
          <button class={on ? 'second' : ''} type="submit">{on ? 'Disable it' : 'Enable it'}</button>
        </Form>
      </div>
      <details class="card" open={problem !== undefined}>
        <summary>Change it</summary>
        <Form reader={reader} action={home} commandKey={newKey()}>
          <EndpointFields form={form} />
          <button type="submit">Save</button>
        </Form>
      </details>
      <details class="card">
        <summary>Replace its secret</summary>
        {endpoint.previous_expires_at === null ? null : (
          <p>A former secret signs too until <Moment reader={reader} at={endpoint.previous_expires_at} />; replaced again, it does no more.</p>
        )}
        <Form reader={reader} action={`${home}/rotate`} commandKey={newKey()}>
          <SelectField name="overlap_hours" label="The present secret stops signing" hint="Until then both sign, so that nothing is lost while your program changes." value="24" options={HOURS} />
          <button type="submit">Show me a new secret</button>
        </Form>
      </details>
      <details class="card">
        <summary>Delete it</summary>
        <p>What is not delivered yet is not sent any more, and this log is gone for you.</p>
        <Form reader={reader} action={`${home}/delete`}>
          <button class="second" type="submit">Delete it for good</button>
        </Form>
      </details>
      <h2>What was sent</h2>
      <FilterTabs
        label="Which deliveries"
        path={home}
        name="status"
        chosen={status}
        options={[[undefined, 'All'], ...(['pending', 'delivered', 'failed'] as const).map((each) => [each, DELIVERY_STATUS[each].label] as const)]}
      />
      {deliveries.length === 0 ? (
        <EmptyState title="Nothing here">
          <p>What happens from now on is sent within about a second, and stands here with every try.</p>
        </EmptyState>
      ) : (
        <Table label="Deliveries" columns={['Event', 'Since', 'Status', 'Tries', 'Send again']}>
          {deliveries.map((d) => (
            <tr>
              <th scope="row"><a href={`/events/${d.event_id}`} aria-label={`${d.type}, ${d.event_id}`}><code>{d.type}</code></a></th>
              <td><Moment reader={reader} at={d.created_at} /></td>
              <td>
                <StatusChip {...DELIVERY_STATUS[d.status]} />
                {d.next_try_at === null ? null : <span class="of">Next try <Moment reader={reader} at={d.next_try_at} /></span>}
              </td>
              <td><Tries reader={reader} delivery={d} /></td>
              <td>
                {d.status === 'pending' || !on ? null : (
                  <Form reader={reader} action={`${home}/deliveries/${d.id}/replay`} commandKey={newKey()}>
                    <button class="second" type="submit" aria-label={`Send ${d.type} again, ${d.event_id}`}>Send again</button>
                  </Form>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {older === null ? null : <p><a href={older}>Older deliveries</a></p>}
    </Layout>
  );
} // prettier-ignore

function Tries({ reader, delivery }: { reader: Reader; delivery: Delivery }) {
  const { attempts } = delivery;
  if (attempts.length === 0) return <span class="quiet">None yet</span>;
  return (
    <details>
      <summary aria-label={`Tries of ${delivery.type}, ${delivery.event_id}`}>{String(attempts.length)}</summary>
      <ol>
        {attempts.map((a) => (
          <li>
            <Moment reader={reader} at={a.at} />: {a.error ?? `taken with ${String(a.status)}`}, in {String(a.duration_ms)} ms
            {a.answer === null || a.answer === '' ? null : <code class="of">{a.answer}</code>}
          </li>
        ))}
      </ol>
    </details>
  );
} // prettier-ignore
