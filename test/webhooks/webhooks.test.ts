// Outgoing webhooks over the real stack: a receiver that knows Standard Webhooks alone, a receiver that is lost and found, one
// that refuses or is gone, secrets that are replaced, and the log with its replay.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { connect } from '../../db/client.ts';
import { recordAttempt } from '../../db/webhooks.ts';
import { type Api, castOf, type EscrowObject } from '../stack/api.ts';
import { recordHistory } from '../stack/record-history.ts';
import { startWorld, type World } from '../stack/world.ts';
import { until } from '../supervisor/wait.ts';
import { type Receiver, startReceiver } from './receiver.ts';

interface Endpoint {
  id: string;
  status: string;
  disabled_reason: string | null;
  previous_secret_until: string | null;
  secret?: string;
}
interface Delivery {
  id: string;
  event_id: string;
  event_type: string;
  status: string;
  next_try_at: string | null;
  attempts: { number: number; status: number | null; error: string | null }[];
}

/** Tries within moments, and a late one for a busy machine; the product's schedule is held in test/domain/webhook-schedule.test.ts. */
const delays = [0, 500, 1000, 2000, 40_000];

let world: World;
let cast: ReturnType<typeof castOf>;
let receiver: Receiver;

beforeAll(async () => {
  world = await startWorld({ webhookDelaysMs: delays });
  cast = castOf(world);
}, 400_000);
afterAll(() => world?.stop());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  await receiver.close();
  for (const api of [cast.buyer, cast.seller, cast.ops, cast.buyer2]) {
    const { body } = await api.get<{ data: Endpoint[] }>('/v1/webhook_endpoints');
    for (const { id } of body.data) expect((await api.delete(`/v1/webhook_endpoints/${id}`)).status).toBe(204);
  }
});

const propose = (): Promise<EscrowObject> =>
  cast.buyer.propose({ title: 'T', currency: 'usd', funding: 'upfront', external_id: 'order-7', milestones: [{ title: 'M', amount: 10_000, seller_id: world.people.seller.id }] }); // prettier-ignore

async function listen(api: Api, more: object = {}): Promise<Endpoint> {
  const made = await api.post<Endpoint>('/v1/webhook_endpoints', { url: receiver.url, ...more });
  expect(made.status).toBe(201);
  receiver.secret = made.body.secret!;
  return made.body;
}

async function deliveries(api: Api, id: string): Promise<Delivery[]> {
  const { body } = await api.get<{ data: Delivery[] }>(`/v1/webhook_endpoints/${id}/deliveries?limit=100`);
  return body.data;
}

async function untilDelivery(api: Api, id: string, holds: (d: Delivery) => boolean): Promise<Delivery> {
  const end = Date.now() + 120_000;
  for (;;) {
    const found = (await deliveries(api, id)).find(holds);
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`no such delivery: ${JSON.stringify(await deliveries(api, id))}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('a receiver that knows Standard Webhooks alone', () => {
  test('verifies what happened, and reads the same event from the API', async () => {
    const endpoint = await listen(cast.seller);
    expect(endpoint.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const { id } = await propose();
    await cast.seller.agree(id);
    await receiver.until((taken) => taken.some((t) => t.event.type === 'escrow.agreed'), 'escrow.agreed');
    const { event, headers } = receiver.taken.find((t) => t.event.type === 'escrow.agreed')!;
    expect(event).toMatchObject({ object: 'event', data: { escrow_id: id, escrow_status: 'agreed', external_id: 'order-7', milestone_id: null, actor: { kind: 'person', id: world.people.seller.id, role: 'seller' } } }); // prettier-ignore
    expect(headers['webhook-id']).toBe(event.id);
    expect((await cast.seller.get(`/v1/events/${event.id}`)).body).toEqual(event);
  });

  test('gets only the types that it names, and only what its owner may read', async () => {
    const stranger = await cast.buyer2.post<Endpoint>('/v1/webhook_endpoints', { url: receiver.url });
    await listen(cast.seller, { event_types: ['escrow.agreed'] });
    const { id } = await propose();
    await cast.seller.agree(id);
    await receiver.until((taken) => taken.length > 0, 'escrow.agreed');
    expect(receiver.taken.map((t) => t.event.type)).toEqual(['escrow.agreed']);
    expect(await deliveries(cast.buyer2, stranger.body.id)).toEqual([]);
  });
});

test('a lost receiver gets what it missed once it is back, each id once', async () => {
  const endpoint = await listen(cast.buyer, { event_types: ['escrow.proposed', 'escrow.agreed'] });
  await receiver.lose();
  const { id } = await propose();
  await cast.seller.agree(id);
  const missed = await untilDelivery(cast.buyer, endpoint.id, (d) => d.attempts.length > 0);
  expect(missed).toMatchObject({ status: 'pending', attempts: [{ number: 1, status: null, error: 'ECONNREFUSED' }] });
  expect(missed.next_try_at).not.toBeNull();
  await receiver.find();
  await receiver.until((taken) => taken.length >= 2, 'both events');
  await untilDelivery(cast.buyer, endpoint.id, (d) => d.event_type === 'escrow.proposed' && d.status === 'delivered');
  await untilDelivery(cast.buyer, endpoint.id, (d) => d.event_type === 'escrow.agreed' && d.status === 'delivered');
  expect(receiver.taken.map((t) => t.event.type).sort()).toEqual(['escrow.agreed', 'escrow.proposed']);
  expect(new Set(receiver.taken.map((t) => t.id)).size).toBe(2);
});

describe('a worker that dies', () => {
  test('after an event was taken and before that is written down sends it again under the same id, until it is written', async () => {
    const owner = connect(world.ownerUrl, { max: 1 });
    try {
      await owner.unsafe(`
        CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the worker is gone'; END $$;
        CREATE TRIGGER gone BEFORE INSERT ON webhook_attempts FOR EACH ROW EXECUTE FUNCTION gone();`);
      const endpoint = await listen(cast.buyer, { event_types: ['escrow.proposed'] });
      await propose();
      await receiver.until((taken) => taken.length >= 2, 'it is sent again');
      await owner`DROP TRIGGER gone ON webhook_attempts`;
      const delivery = await untilDelivery(cast.buyer, endpoint.id, (d) => d.status === 'delivered');
      expect(delivery.attempts).toMatchObject([{ number: 1, status: 204, error: null }]);
      expect(new Set(receiver.taken.map(({ id }) => id))).toEqual(new Set([delivery.event_id]));
    } finally {
      await owner`DROP FUNCTION IF EXISTS gone() CASCADE`;
      await owner.end();
    }
  });

  test('between a delivery’s start and the note of it leaves it to the next: noted, and sent no second time', async () => {
    const endpoint = await listen(cast.buyer, { event_types: ['escrow.proposed'] });
    await propose();
    const { id } = await untilDelivery(cast.buyer, endpoint.id, (d) => d.status === 'delivered');
    await world.sql`UPDATE webhook_deliveries SET started = false WHERE id = ${id}`;
    // The next round is begun by any event.
    await propose();
    await untilDelivery(cast.buyer, endpoint.id, (d) => d.id !== id && d.status === 'delivered');
    const started = async () => (await world.sql`SELECT 1 FROM webhook_deliveries WHERE id = ${id} AND started`).length;
    await until(async () => (await started()) === 1, 'it is noted');
    expect(receiver.taken.map((t) => t.id).filter((t, n, all) => all.indexOf(t) !== n)).toEqual([]);
    expect(receiver.taken).toHaveLength(2);
  });
});

test('after the last try it has failed, and a replay sends it again with the same id', async () => {
  const endpoint = await listen(cast.buyer, { event_types: ['escrow.proposed'] });
  receiver.answerWith = { status: 500, body: 'broken' };
  const late = delays.pop()!;
  await propose();
  const failed = await untilDelivery(cast.buyer, endpoint.id, (d) => d.status === 'failed');
  delays.push(late);
  expect(failed.attempts).toHaveLength(4);
  await recordHistory(world, `webhook/${failed.id}/1`, 'webhook-never-taken');
  expect(failed.attempts.at(-1)).toMatchObject({ number: 4, status: 500, error: 'answered 500', answer: 'broken' });
  // Nothing was taken since: it is sent nothing more, and its owner is told.
  const path = `/v1/webhook_endpoints/${endpoint.id}`;
  const { body: stopped } = await cast.buyer.get<Endpoint>(path);
  expect([stopped.status, stopped.disabled_reason]).toEqual(['disabled', expect.stringContaining('it took nothing since')]); // prettier-ignore
  const { data } = (await cast.buyer.get<{ data: { kind: string; text: string }[] }>('/v1/notifications')).body;
  expect(data.find((n) => n.kind === 'endpoint_disabled')?.text).toContain(receiver.url);
  expect((await cast.buyer.post<{ code: string }>(`${path}/deliveries/${failed.id}/replay`)).body.code).toBe('endpoint_disabled'); // prettier-ignore
  await cast.buyer.post(path, { status: 'enabled' });
  receiver.answerWith = null;
  const replayed = await cast.buyer.post<Delivery>(`/v1/webhook_endpoints/${endpoint.id}/deliveries/${failed.id}/replay`); // prettier-ignore
  expect([replayed.status, replayed.body.status]).toEqual([200, 'pending']);
  await receiver.until((taken) => taken.length === 1, 'the replay');
  expect(receiver.taken[0]!.id).toBe(failed.event_id);
  const delivered = await untilDelivery(cast.buyer, endpoint.id, (d) => d.status === 'delivered');
  expect(delivered.attempts).toHaveLength(5);
  // Nobody else's log, nobody else's replay.
  const other = `/v1/webhook_endpoints/${endpoint.id}/deliveries`;
  expect((await cast.seller.get(other)).status).toBe(404);
  expect((await cast.seller.post(`${other}/${failed.id}/replay`)).status).toBe(404);
});

test('an endpoint that takes other events is left on, whatever one of them came to', async () => {
  const endpoint = await listen(cast.buyer, { event_types: ['escrow.proposed'] });
  await propose();
  const taken = await untilDelivery(cast.buyer, endpoint.id, (d) => d.status === 'delivered');
  const [old] = await world.sql<{ id: string }[]>`
    INSERT INTO webhook_deliveries (endpoint_id, event_id, started, created_at)
    SELECT ${endpoint.id}, (SELECT id FROM events WHERE id <> ${taken.event_id} LIMIT 1), true, now() - interval '1 hour' RETURNING id`;
  await recordAttempt(world.sql, old!.id, 1, { status: 500, error: 'answered 500', answer: null, durationMs: 1 }, null);
  const { body } = await cast.buyer.get<Endpoint>(`/v1/webhook_endpoints/${endpoint.id}`);
  expect(body.status).toBe('enabled');
});

test('410 disables the endpoint at once', async () => {
  const endpoint = await listen(cast.buyer, { event_types: ['escrow.proposed'] });
  receiver.answerWith = { status: 410 };
  await propose();
  const failed = await untilDelivery(cast.buyer, endpoint.id, (d) => d.status === 'failed');
  expect(failed.attempts).toHaveLength(1);
  const { body } = await cast.buyer.get<Endpoint>(`/v1/webhook_endpoints/${endpoint.id}`);
  expect([body.status, body.disabled_reason]).toEqual(['disabled', 'it answered 410 Gone']);
  const replay = await cast.buyer.post<{ code: string }>(`/v1/webhook_endpoints/${endpoint.id}/deliveries/${failed.id}/replay`); // prettier-ignore
  expect([replay.status, replay.body.code]).toEqual([409, 'endpoint_disabled']);
  const enabled = await cast.buyer.post<Endpoint>(`/v1/webhook_endpoints/${endpoint.id}`, { status: 'enabled' });
  expect([enabled.body.status, enabled.body.disabled_reason]).toEqual(['enabled', null]);
});

test('a secret is shown once, and both sign while it is replaced', async () => {
  const key = 'once-' + receiver.url;
  const first = await cast.buyer.post<Endpoint>('/v1/webhook_endpoints', { url: receiver.url, event_types: ['escrow.proposed'] }, key); // prettier-ignore
  const again = await cast.buyer.post<Endpoint>('/v1/webhook_endpoints', { url: receiver.url, event_types: ['escrow.proposed'] }, key); // prettier-ignore
  expect(again.body.id).toBe(first.body.id);
  expect([first.body.secret === undefined, again.body.secret]).toEqual([false, undefined]);
  const path = `/v1/webhook_endpoints/${first.body.id}`;
  expect((await cast.buyer.get<Endpoint>(path)).body.secret).toBeUndefined();
  const kept = await world.sql`SELECT 1 FROM idempotency_keys WHERE response::text LIKE ${`%${first.body.secret!}%`}`;
  expect(kept).toHaveLength(0);

  const rotated = await cast.buyer.post<Endpoint>(`${path}/rotate-secret`, { overlap_hours: 1 });
  expect(rotated.body.secret).not.toBe(first.body.secret);
  expect(rotated.body.previous_secret_until).not.toBeNull();
  receiver.secret = first.body.secret!;
  await propose();
  await receiver.until((taken) => taken.length === 1, 'an event under the former secret');
  receiver.secret = rotated.body.secret!;
  await propose();
  await receiver.until((taken) => taken.length === 2, 'an event under the new secret');
  expect(receiver.taken[1]!.headers['webhook-signature']!.split(' ')).toHaveLength(2);

  const last = await cast.buyer.post<Endpoint>(`${path}/rotate-secret`, { overlap_hours: 0 });
  receiver.secret = rotated.body.secret!;
  await propose();
  await untilDelivery(cast.buyer, first.body.id, (d) => d.attempts[0]?.status === 400);
  receiver.secret = last.body.secret!;
  await receiver.until((taken) => taken.length === 3, 'an event under the last secret');
});

test('nothing is sent to an endpoint that is disabled or deleted', async () => {
  const endpoint = await listen(cast.buyer, { event_types: ['escrow.proposed'] });
  await cast.buyer.post(`/v1/webhook_endpoints/${endpoint.id}`, { status: 'disabled' });
  const { id } = await propose();
  const seen = await untilEvent(cast.buyer, (e) => e.type === 'escrow.proposed' && e.data['escrow_id'] === id);
  const rows = await world.sql`SELECT 1 FROM webhook_deliveries WHERE event_id = ${seen.id} AND endpoint_id = ${endpoint.id}`; // prettier-ignore
  expect(rows).toHaveLength(0);
});

interface EventObject {
  id: string;
  type: string;
  data: Record<string, unknown>;
}

/** Reads on from the start, page after page, as an integrator would. */
async function allEvents(api: Api, query = ''): Promise<EventObject[]> {
  const all: EventObject[] = [];
  for (;;) {
    const after = all.length === 0 ? '' : `&starting_after=${all.at(-1)!.id}`;
    const { body } = await api.get<{ data: EventObject[]; has_more: boolean }>(`/v1/events?limit=7${after}${query}`);
    all.push(...body.data);
    if (!body.has_more) return all;
  }
}

async function untilEvent(api: Api, holds: (e: EventObject) => boolean): Promise<EventObject> {
  const end = Date.now() + 120_000;
  for (;;) {
    const found = (await allEvents(api)).find(holds);
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error('the event was never numbered');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('GET /v1/events', () => {
  test('holds what happened to one’s own, each line of the timeline once, in rising ids', async () => {
    const { id } = await propose();
    await cast.seller.agree(id);
    await untilEvent(cast.seller, (e) => e.type === 'escrow.agreed' && e.data['escrow_id'] === id);
    const events = await allEvents(cast.seller, `&escrow_id=${id}`);
    const timeline = await cast.seller.list<{ type: string }>(id, 'timeline');
    expect(events.map((e) => e.type)).toEqual(timeline.map((t) => t.type));
    const ids = (await allEvents(cast.ops)).map((e) => e.id);
    expect(ids).toEqual([...new Set(ids)].sort());
    expect(await allEvents(cast.buyer2, `&escrow_id=${id}`)).toEqual([]);
    expect((await cast.buyer2.get(`/v1/events/${events[0]!.id}`)).status).toBe(404);
    expect((await allEvents(cast.seller, '&type=escrow.agreed')).map((e) => e.type)).toContain('escrow.agreed');
    expect((await cast.seller.get('/v1/events?type=escrow.nothing')).status).toBe(400);
    expect((await cast.seller.get('/v1/events?starting_after=esc_1')).status).toBe(400);
  });

  test('tells a seller of their verification, and nobody else', async () => {
    const { sql, people } = world;
    await sql`UPDATE sellers SET requirements = '["individual.dob"]' WHERE id = ${people.seller3.id}`;
    const event = await untilEvent(cast.seller3, (e) => e.type === 'seller.updated');
    expect(event.data).toMatchObject({ seller_id: people.seller3.id, requirements: ['individual.dob'] });
    expect((await allEvents(cast.seller)).some((e) => e.id === event.id)).toBe(false);
  });
});
