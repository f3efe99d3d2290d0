// What every handler works in: the store, the moment, the acting account, ids, jobs on the virtual clock and events.
import { missing, StripeError } from './errors.ts';
import { Ids, Random } from './ids.ts';
import { isObject } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import type { Account, Event, Meta } from './records.ts';
import { Store } from './store.ts';
import type { TableName } from './store.ts';
import type { Tables } from './records.ts';

export const API_VERSION = '2026-10-28.endive';
export const PLATFORM = 'acct_1TranchePlatform';
export const DAY_SECONDS = 86_400;

export type Settings = {
  /** Whether reversing a transfer lets its source_transaction be transferred again. Sources differ, see the README. */
  reversalFreesSource: boolean;
  /** With `automatic_async` (the default since 2024) the balance transaction follows a second after the charge. */
  asyncCapture: boolean;
  baseUrl: string;
};

export type RequestInfo = { id: string | null; idempotencyKey: string | null };
/** Since this version payment methods are automatic by default. */
const AUTOMATIC_METHODS_SINCE = '2023-08-16';
type JobHandler = (world: World, ref: string) => void;

export class World {
  readonly store = new Store();
  readonly ids: Ids;
  readonly settings: Settings;
  /** The acting account: the platform, or the one named by Stripe-Account. */
  account = PLATFORM;
  nowMs = 0;
  request: RequestInfo = { id: null, idempotencyKey: null };
  /** Null when the caller names none: then the account's default applies, which is an old one, as for the CLI. */
  apiVersion: string | null = null;
  /** Events of the unit of work under way, for the shell to deliver. */
  emitted: string[] = [];
  /** Accounts whose money became available in the unit of work under way: one `balance.available` each. */
  readonly grown = new Set<string>();
  readonly jobHandlers = new Map<string, JobHandler>();
  /** Turns a record into what the wire shows; set by render.ts's registry, here to keep the modules acyclic. */
  present: (record: JsonObject) => JsonObject = (record) => record;

  constructor(seed: number, settings: Settings) {
    this.ids = new Ids(new Random(seed));
    this.settings = settings;
  }

  get now(): number {
    return Math.floor(this.nowMs / 1000);
  }

  get meta(): Meta {
    const meta = this.store.get('meta', 'meta');
    if (!meta) throw new Error('sandbox: the world was not begun');
    return meta;
  }

  automaticMethodsByDefault(): boolean {
    return this.apiVersion !== null && this.apiVersion >= AUTOMATIC_METHODS_SINCE;
  }

  id(prefix: string): string {
    return this.ids.make(prefix, this.now, this.account);
  }

  /** A record of the acting account, or Stripe's "No such …". */
  find<T extends TableName>(table: T, id: string, what: string, param = 'id'): Tables[T] {
    const record = this.store.get(table, id);
    if (!record || (record as unknown as { _account: string })._account !== this.account) {
      throw missing(what, id, param);
    }
    return record;
  }

  platform(): Account {
    const account = this.store.get('account', PLATFORM);
    if (!account) throw new Error('sandbox: no platform account');
    return account;
  }

  /** Runs `work` as another account, for the side of a transfer that the caller does not see. */
  as<T>(account: string, work: () => T): T {
    const before = this.account;
    this.account = account;
    try {
      return work();
    } finally {
      this.account = before;
    }
  }

  schedule(kind: string, ref: string, dueSeconds: number): void {
    const meta = this.meta;
    const id = `job_${String(meta._next_job).padStart(12, '0')}`;
    this.store.patch('meta', 'meta', { _next_job: meta._next_job + 1 });
    this.store.put('job', {
      id,
      object: 'job',
      _account: this.account,
      created: this.now,
      _due: dueSeconds * 1000,
      _kind: kind,
      _ref: ref,
    });
  }

  emit(type: string, record: JsonObject, previous?: JsonObject): Event {
    const data: JsonObject = { object: this.present(record) };
    if (previous) data.previous_attributes = previous;
    return this.recordEvent({
      id: this.id('evt'),
      object: 'event',
      _account: this.account,
      created: this.now,
      livemode: false,
      type,
      api_version: API_VERSION,
      data,
      request: { id: this.request.id, idempotency_key: this.request.idempotencyKey },
      _thin: false,
      _undelivered: 0,
    });
  }

  /** An update: `previous_attributes` are the fields that changed, as they were. */
  emitUpdate(type: string, before: JsonObject, after: JsonObject): Event {
    return this.emit(type, after, changed(this.present(before), this.present(after)));
  }

  /** A v2 thin event: it names the object, which the receiver then fetches. */
  emitThin(type: string, related: { id: string; type: string; url: string }, data: JsonObject = {}): Event {
    const reason: Json =
      this.request.id === null
        ? null
        : { type: 'request', request: { id: this.request.id, idempotency_key: this.request.idempotencyKey ?? '' } };
    return this.recordEvent({
      id: this.ids.token('evt_test', 24),
      object: 'v2.core.event',
      _account: PLATFORM,
      created: this.now,
      livemode: false,
      type,
      api_version: null,
      data,
      request: null,
      context: this.account === PLATFORM ? null : this.account,
      related_object: related,
      reason,
      _thin: true,
      _undelivered: 0,
    });
  }

  private recordEvent(event: Event): Event {
    this.store.put('event', event);
    this.emitted.push(event.id);
    return event;
  }
}

/** The fields of `before` that `after` shows otherwise; within an object only its own changed fields. */
export function changed(before: JsonObject, after: JsonObject): JsonObject {
  const out: JsonObject = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [before[key], after[key]];
    if (JSON.stringify(old) === JSON.stringify(now)) continue;
    out[key] = isObject(old) && isObject(now) ? changed(old, now) : (old ?? null);
  }
  return out;
}

export function unsupported(what: string): StripeError {
  return new StripeError(400, `The sandbox does not support ${what}.`, { reading: true });
}
