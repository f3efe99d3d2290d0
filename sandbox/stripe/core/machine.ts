// The sandbox's state machine: (request, moment) -> (answer, events, changes). No I/O and no clock of its own, so that a
// simulation can hold it in process. One request is one unit of work: it happens whole or not at all.
import { Books, settle } from './ledger.ts';
import { makeAccount } from './accounts.ts';
import { findAccount } from './external-accounts.ts';
import { balanceObject } from './balance.ts';
import { bookLater } from './charges.ts';
import { checkoutFollows, expireCheckout } from './checkout.ts';
import { disputeDecision, disputeDue } from './disputes.ts';
import { invalid, StripeError } from './errors.ts';
import { wants } from './events.ts';
import { JobQueue } from './job-queue.ts';
import type { JsonObject } from './json.ts';
import { readParams } from './params.ts';
import { settlePayment } from './payment-attempts.ts';
import { arrive, automaticPayouts } from './payouts.ts';
import type { StoredAnswer } from './records.ts';
import { failRefund, retryRefunds, succeedRefund } from './refunds.ts';
import { expandAll, present } from './render.ts';
import { match } from './routes.ts';
import type { Match } from './routes.ts';
import type { Change } from './store.ts';
import { API_VERSION, DAY_SECONDS, PLATFORM, World } from './world.ts';
import type { Settings } from './world.ts';

export type Request = {
  method: string;
  path: string;
  params: JsonObject;
  idempotencyKey?: string | null;
  account?: string | null;
  apiVersion?: string | null;
};
export type Effect = {
  /** Ids of the events that it caused, in their order. */
  events: string[];
  /** Deliveries that became due to webhook endpoints. */
  deliveries: string[];
  /** What to write to the journal before answering. */
  changes: Change[];
};
export type Answer = {
  status: number;
  body: JsonObject;
  headers: Record<string, string>;
} & Effect;
const KEY_KEPT_MS = 24 * 3600 * 1000;
/** v2 keeps keys longer, and runs failures again. */
const V2_KEY_KEPT_MS = 30 * KEY_KEPT_MS;

function keptMs(path: string): number {
  return path.startsWith('/v2/') ? V2_KEY_KEPT_MS : KEY_KEPT_MS;
}

export class StripeMachine {
  readonly world: World;
  private readonly books: Books;
  private readonly jobs: JobQueue;

  constructor(options: { seed?: number; settings?: Partial<Settings> } = {}) {
    this.world = new World(options.seed ?? 1, {
      reversalFreesSource: false,
      asyncCapture: false,
      baseUrl: 'http://127.0.0.1',
      ...options.settings,
    });
    this.books = new Books(this.world.store);
    this.jobs = new JobQueue(this.world.store);
    this.world.present = (record) => present(this.world, record);
    this.handlers();
  }

  /** Begins a new world, or goes on with one loaded from a journal. */
  begin(nowMs: number, loaded: Iterable<readonly Change[]> = []): Effect {
    for (const changes of loaded) this.world.store.load(changes);
    this.books.check();
    const meta = this.world.store.get('meta', 'meta');
    if (meta) {
      this.world.ids.random.state = meta._random;
      this.moveTo(nowMs + meta._offset);
      return this.finish();
    }
    this.world.nowMs = nowMs;
    this.world.store.put('meta', {
      id: 'meta',
      object: 'meta',
      _account: PLATFORM,
      created: this.world.now,
      _random: this.world.ids.random.state,
      _offset: 0,
      _now: nowMs,
      _next_job: 0,
    });
    const platform = makeAccount(
      this.world,
      {
        country: 'US',
        email: 'platform@tranche.example',
        type: 'standard',
        metadata: undefined,
        currency: 'usd',
        transfersRequested: true,
        cardPaymentsRequested: true,
        controller: { type: 'account' },
        v2: null,
        businessType: 'company',
        businessProfile: { name: 'Tranche' },
      },
      PLATFORM,
    );
    this.world.store.patch('account', platform.id, {
      _onboarded: true,
      _transfers: 'active',
      _card_payments: 'active',
      _schedule: { delay_days: 2, interval: 'manual' },
    });
    this.world.schedule('day', 'day', (Math.floor(this.world.now / DAY_SECONDS) + 1) * DAY_SECONDS);
    return this.finish();
  }

  /** Answers one request at the sandbox's moment `nowMs`. */
  handle(request: Request, nowMs: number): Answer {
    this.moveTo(nowMs);
    const { world } = this;
    const requestId = world.ids.token('req', 14);
    const headers: Record<string, string> = {
      'request-id': requestId,
      'stripe-version': request.apiVersion ?? API_VERSION,
    };
    const key = request.method === 'GET' ? null : (request.idempotencyKey ?? null);
    if (key !== null) headers['idempotency-key'] = key;
    world.request = { id: requestId, idempotencyKey: key };
    world.account = PLATFORM;
    world.apiVersion = request.apiVersion ?? null;
    let outcome: { status: number; body: JsonObject };
    try {
      if (request.account) {
        world.account = findAccount(world, request.account).id;
        headers['stripe-account'] = request.account;
      }
      outcome = this.answer(request, key, requestId, headers);
    } catch (error) {
      if (!(error instanceof StripeError)) throw error;
      outcome = { status: error.status, body: this.errorBody(error, request, requestId) };
      this.retryHeader(error, key, headers);
    } finally {
      world.account = PLATFORM;
      world.request = { id: null, idempotencyKey: null };
    }
    this.runDue();
    return { ...outcome, headers, ...this.finish() };
  }

  /** Runs a command of the control API (or any other change) as one unit of work. */
  control<T>(nowMs: number, work: (world: World) => T): Effect & { result: T } {
    this.moveTo(nowMs);
    const mark = this.world.store.mark();
    const emitted = this.world.emitted.length;
    try {
      const result = work(this.world);
      this.runDue();
      return { result, ...this.finish() };
    } catch (error) {
      if (!(error instanceof StripeError && error.detail.keepWrites)) {
        this.world.store.rollback(mark);
        this.world.emitted.length = emitted;
      }
      this.world.account = PLATFORM;
      throw error;
    }
  }

  /** Lets the clock run to `nowMs`: everything due by then happens, at its own moment. */
  tick(nowMs: number): Effect {
    this.moveTo(nowMs);
    return this.finish();
  }

  /** When the next thing is due, in ms of the sandbox's clock. */
  nextDue(): number | null {
    return this.jobs.next()?._due ?? null;
  }

  private answer(
    request: Request,
    key: string | null,
    requestId: string,
    headers: Record<string, string>,
  ): { status: number; body: JsonObject } {
    const found = match(request.method, request.path);
    if (!found) {
      throw new StripeError(
        404,
        `Unrecognized request URL (${request.method}: ${request.path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`,
        { reading: true },
      );
    }
    if (request.method === 'DELETE' || key === null) return this.run(found, request, requestId, headers, key);
    if (key.length > 255) {
      throw invalid('Idempotency-Key must be at most 255 characters.', { reading: true });
    }
    const stored = this.world.store.get('answer', this.keyId(key));
    if (stored && this.world.nowMs - stored._at < keptMs(stored._path))
      return this.replay(stored, request, key, headers);
    headers['original-request'] = requestId;
    return this.run(found, request, requestId, headers, key);
  }

  private run(
    found: Match,
    request: Request,
    requestId: string,
    headers: Record<string, string>,
    key: string | null,
  ): { status: number; body: JsonObject } {
    const { world } = this;
    const mark = world.store.mark();
    const emitted = world.emitted.length;
    try {
      const params = readParams(found.route.params, request.params);
      const { expand, ...rest } = params;
      const made = found.route.run({ world, params: rest, path: (name) => found.names.get(name) ?? '' });
      const shown = made._account === undefined ? made : present(world, this.fresh(made));
      const outcome = { status: 200, body: expandAll(world, shown, expand) };
      if (key !== null && request.method === 'POST') {
        headers['stripe-should-retry'] = 'false';
        this.keep(key, request, requestId, outcome);
      }
      return outcome;
    } catch (error) {
      if (!(error instanceof StripeError)) throw error;
      if (!error.detail.keepWrites) {
        world.store.rollback(mark);
        world.emitted.length = emitted;
        world.grown.clear();
      }
      const body = this.errorBody(error, request, requestId);
      this.retryHeader(error, key, headers);
      const again = error.detail.reading || error.detail.stored === false || request.path.startsWith('/v2/');
      if (key !== null && !again) {
        this.keep(key, request, requestId, { status: error.status, body });
      }
      return { status: error.status, body };
    }
  }

  /** A handler may return a record that later steps of it changed again. */
  private fresh(made: JsonObject): JsonObject {
    const record = typeof made.id === 'string' ? this.world.store.get(made.object as 'charge', made.id) : undefined;
    return record ?? made;
  }

  private retryHeader(error: StripeError, key: string | null, headers: Record<string, string>): void {
    if (error.detail.shouldRetry === true) headers['stripe-should-retry'] = 'true';
    else if (key !== null && !error.detail.reading) headers['stripe-should-retry'] = 'false';
    if (error.detail.reading) delete headers['original-request'];
    if (error.detail.bare) for (const name of Object.keys(headers)) delete headers[name];
  }

  private errorBody(error: StripeError, request: Request, requestId: string): JsonObject {
    const body = error.body(requestId, PLATFORM);
    if (!request.path.startsWith('/v2/')) return body;
    // v2 errors carry their code and message only.
    const inner = body.error as JsonObject;
    const { request_log_url: _url, doc_url: _doc, type, ...rest } = inner;
    return { error: { code: 'invalid_fields', ...rest, type } };
  }

  private keyId(key: string): string {
    return `${this.world.account}:${key}`;
  }

  private fingerprint(request: Request): string {
    return JSON.stringify(request.params);
  }

  private keep(key: string, request: Request, requestId: string, outcome: { status: number; body: JsonObject }): void {
    this.world.store.put('answer', {
      id: this.keyId(key),
      object: 'answer',
      _account: this.world.account,
      created: this.world.now,
      _fingerprint: this.fingerprint(request),
      _method: request.method,
      _path: request.path,
      _status: outcome.status,
      _body: outcome.body,
      _request_id: requestId,
      _at: this.world.nowMs,
      _reading: false,
    });
  }

  /** For the shell's faults: what a 500 after the effect leaves under its key. */
  overwriteStored(key: string, account: string | null, status: number, body: JsonObject): Change[] {
    const id = `${account ?? PLATFORM}:${key}`;
    if (this.world.store.get('answer', id)) this.world.store.patch('answer', id, { _status: status, _body: body });
    return this.world.store.commit();
  }

  private replay(
    stored: StoredAnswer,
    request: Request,
    key: string,
    headers: Record<string, string>,
  ): { status: number; body: JsonObject } {
    const detail = { type: 'idempotency_error', reading: true };
    if (stored._path !== request.path || stored._method !== request.method) {
      throw invalid(
        `Keys for idempotent requests can only be used for the same endpoint they were first used for ('${request.path}' vs '${stored._path}'). Try using a key other than '${key}' if you meant to execute a different request.`,
        detail,
      );
    }
    if (stored._fingerprint !== this.fingerprint(request)) {
      throw invalid(
        `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
        detail,
      );
    }
    headers['idempotent-replayed'] = 'true';
    headers['original-request'] = stored._request_id;
    headers['stripe-should-retry'] = 'false';
    return { status: stored._status, body: stored._body };
  }

  private handlers(): void {
    const { jobHandlers } = this.world;
    jobHandlers.set('available', settle);
    jobHandlers.set('charge.book', bookLater);
    jobHandlers.set('payment.settle', (world, ref) => checkoutFollows(world, settlePayment(world, ref)));
    jobHandlers.set('checkout.expire', expireCheckout);
    jobHandlers.set('refund.succeed', succeedRefund);
    jobHandlers.set('refund.fail', (world, ref) => failRefund(world, ref, 'expired_or_canceled_card'));
    jobHandlers.set('balance.changed', retryRefunds);
    jobHandlers.set('dispute.due', disputeDue);
    jobHandlers.set('dispute.decision', disputeDecision);
    jobHandlers.set('payout.arrive', arrive);
    jobHandlers.set('day', (world) => {
      automaticPayouts(world, world.now);
      this.prune();
      world.schedule('day', 'day', (Math.floor(world.now / DAY_SECONDS) + 1) * DAY_SECONDS);
    });
  }

  /** Forgotten after their time: idempotency keys after a day, events and their deliveries after 30. */
  private prune(): void {
    const { store } = this.world;
    for (const answer of store.all('answer')) {
      const age = this.world.nowMs - answer._at;
      if (age < KEY_KEPT_MS) break;
      if (age >= keptMs(answer._path)) store.remove('answer', answer.id);
    }
    for (const event of store.all('event')) {
      if (event.created > this.world.now - 31 * DAY_SECONDS) break;
      for (const delivery of store.by('delivery', '_event', event.id)) store.remove('delivery', delivery.id);
      store.remove('event', event.id);
    }
  }

  /** Moves the clock, never backwards, and stops at each due moment on the way. */
  private moveTo(nowMs: number): void {
    const target = Math.max(nowMs, this.world.nowMs);
    for (;;) {
      const job = this.jobs.next();
      if (!job || job._due > target) break;
      this.world.nowMs = Math.max(this.world.nowMs, job._due);
      this.runJob(job.id);
    }
    this.world.nowMs = target;
  }

  private runDue(): void {
    this.moveTo(this.world.nowMs);
  }

  private runJob(id: string): void {
    const { world } = this;
    const job = world.store.get('job', id);
    if (!job) return;
    world.store.remove('job', id);
    world.account = job._account;
    world.jobHandlers.get(job._kind)?.(world, job._ref);
    world.account = PLATFORM;
  }

  /** Undoes a unit of work that broke off by a defect, so that the next request finds the state whole. */
  abort(): void {
    this.world.store.rollback(0);
    this.world.store.commit();
    this.world.emitted = [];
    this.world.grown.clear();
    this.world.account = PLATFORM;
  }

  /** A delivery for each endpoint that wants an event, in the same unit of work: a crash cannot part them. */
  private address(events: readonly string[]): string[] {
    const { store, now } = this.world;
    const made: string[] = [];
    if (store.count('webhook_endpoint') === 0) return made;
    const endpoints = [...store.all('webhook_endpoint')];
    for (const id of events) {
      const event = store.get('event', id);
      const takers = event ? endpoints.filter((endpoint) => wants(endpoint, event)) : [];
      for (const endpoint of takers) {
        const delivery = `${id}:${endpoint.id}`;
        made.push(delivery);
        store.put('delivery', {
          id: delivery,
          object: 'delivery',
          _account: PLATFORM,
          created: now,
          _event: id,
          _endpoint: endpoint.id,
          _attempts: 0,
          _next_at: 0,
          _state: 'pending',
          _last_status: null,
        });
      }
      if (takers.length > 0) store.patch('event', id, { _undelivered: takers.length });
    }
    return made;
  }

  private finish(): Effect {
    this.books.check();
    const { world } = this;
    for (const account of world.grown) world.as(account, () => world.emit('balance.available', balanceObject(world)));
    world.grown.clear();
    const events = world.emitted;
    world.emitted = [];
    const deliveries = this.address(events);
    const changes = world.store.commit();
    if (changes.length > 0) {
      // The generator's state and the clock go with every write, so that a restart continues the same sequence.
      const meta = world.store.patch('meta', 'meta', { _random: world.ids.random.state, _now: world.nowMs });
      world.store.commit();
      changes.push({ table: 'meta', id: 'meta', record: meta });
    }
    return { events, deliveries, changes };
  }
}
