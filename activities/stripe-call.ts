// How every write to Stripe is made: noted before it happens, under a key derived from the workflow's facts, looked up
// where its outcome may have been lost, and its errors turned into Temporal's words.
import { ApplicationFailure, Context, heartbeat } from '@temporalio/activity';
import { type Sql, type Tx } from '../db/client.ts';
import { KeyMismatch, type Made, noteCall, noteRefusal } from '../db/movements.ts';
import { movementKey } from '../domain/ids.ts';
import type { BalanceTransaction } from '../domain/postings.ts';
import { PaymentsError } from '../payments/errors.ts';
import type { Payments } from '../payments/port.ts';

export interface ActivityDeps {
  sql: Sql;
  payments: Payments;
  logger: { info(o: object, msg: string): void; warn(o: object, msg: string): void };
  /** Whether webhooks may go to this machine itself; not unless it is said. */
  webhooks?: { loopback: boolean };
  /** How long the first release to a seller who was never paid waits; 0 where it is not said. */
  firstReleaseDelayMs?: number;
  /** Ends the process at a named point; set by the crash tests alone. */
  crashPoint?: (name: string) => void;
}

/** Stripe keeps a key for at least 24 hours; past this age it may have forgotten it. */
const KEY_LIFE_MS = 23 * 3_600_000;
const HEARTBEAT_MS = 1500;

export interface StripeWrite<T> {
  escrowId: string;
  movementId: string;
  subject: string;
  operation: string;
  generation: number;
  /** Everything that Stripe is asked, for the hash that binds the key to it. */
  params: Record<string, unknown>;
  call(key: string): Promise<T>;
  /** Looks the object up by our metadata: what an earlier, unanswered call may have made. */
  find(): Promise<T | null>;
}

/** An object that Stripe has made, with what it booked. @throws where it has booked nothing yet: the read is tried again */
export function madeOf({ id, balanceTransaction: bt }: { id: string; balanceTransaction: BalanceTransaction | null }): Made {
  if (bt === null) throw new Error(`${id} has no balance transaction yet: read again`);
  return { stripeId: id, bt };
} // prettier-ignore

/** Beats while a slow call is under way, so that a killed worker is noticed within seconds. */
export async function beating<T>(work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => heartbeat(), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/**
 * For an activity that goes through many things: it beats with where it stands, while one step lasts too, and the try after a
 * death begins there. `first` and what `moved` gets are small plain data: each rides on every beat.
 */
export async function goingOn<C extends object, T>(
  first: C,
  work: (from: C, moved: (to: C) => void) => Promise<T>,
): Promise<T> {
  let at: C = { ...first, ...(Context.current().info.heartbeatDetails as C | null | undefined) };
  const timer = setInterval(() => heartbeat(at), HEARTBEAT_MS);
  try {
    return await work(at, (to) => {
      at = to;
      heartbeat(to);
    });
  } finally {
    clearInterval(timer);
  }
}

/**
 * Makes one write. The same key is used again while its outcome is unknown; an old or poisoned key is never used again
 * before a look-up. @throws PaymentsError (declined, refused) for the caller to answer; everything else as a retryable or
 * final ApplicationFailure
 */
export async function writeToStripe<T>(deps: ActivityDeps, w: StripeWrite<T>): Promise<T> {
  const key = movementKey(w.escrowId, w.subject, w.operation, w.generation);
  return beating(async () => {
    let age: number | null;
    try {
      age = (await deps.sql.begin((tx) => noteCall(tx as Tx, w.movementId, w.generation, key, w.params)))
        .firstCallAgeMs;
    } catch (error) {
      if (error instanceof KeyMismatch) throw final('KeyMismatch', error.message);
      throw error;
    }
    deps.crashPoint?.('before_call');
    if (age !== null && age > KEY_LIFE_MS) {
      const found = await w.find();
      if (found) return found;
    }
    try {
      const made = await w.call(key);
      deps.crashPoint?.('after_effect');
      return made;
    } catch (error) {
      if (!(error instanceof PaymentsError)) throw error;
      if (error.kind === 'replayed_failure') return afterStoredFailure(deps, w, error);
      if (error.kind === 'declined' || error.kind === 'refused') {
        await deps.sql.begin((tx) => noteRefusal(tx as Tx, w.movementId, w.generation, error.code));
        throw error;
      }
      throw toFailure(error);
    }
  });
}

/** A 500 that Stripe stored is replayed for a day: what it did must be looked up before a new key is tried. */
async function afterStoredFailure<T>(deps: ActivityDeps, w: StripeWrite<T>, error: PaymentsError): Promise<T> {
  const found = await w.find();
  if (found) return found;
  deps.logger.warn(
    { escrow_id: w.escrowId, movement_id: w.movementId, code: error.code },
    'stored failure without effect: a fresh key follows',
  );
  const key = `${movementKey(w.escrowId, w.subject, w.operation, w.generation)}:fresh`;
  try {
    return await w.call(key);
  } catch (second) {
    throw second instanceof PaymentsError && second.kind !== 'declined' && second.kind !== 'refused'
      ? toFailure(second)
      : second;
  }
}

/** Stripe's word in Temporal's: retried with its own delay, or final. */
export function toFailure(error: PaymentsError): ApplicationFailure {
  if (error.kind === 'key_mismatch' || error.kind === 'refused' || error.kind === 'declined') {
    return final(error.code, error.message);
  }
  return ApplicationFailure.create({
    message: error.message,
    type: error.code,
    nonRetryable: false,
    details: [{ kind: error.kind, requestId: error.requestId }],
    ...(error.retryAfterMs === null ? {} : { nextRetryDelay: error.retryAfterMs }),
  });
}

export function final(type: string, message: string): ApplicationFailure {
  return ApplicationFailure.create({ message, type, nonRetryable: true });
}

/** For reads: the same mapping without a key. */
export const readFromStripe = <T>(read: () => Promise<T>): Promise<T> => asFailure(() => beating(read));

/** The same for any work: what Stripe refuses in Temporal's words, everything else as it is. */
export async function asFailure<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw error instanceof PaymentsError ? toFailure(error) : error;
  }
}
