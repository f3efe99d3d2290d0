// Faults on request: which ones are in force, and what a request with one of them is answered.
import type { JsonObject } from './core/json.ts';

export const FAULT_KINDS = ['drop_before', 'drop_after', 'status', 'delay'] as const;
export type Fault = {
  kind: (typeof FAULT_KINDS)[number];
  status: number;
  effect: 'before' | 'after';
  delayMs: number;
  /** Which of Stripe's 429s, rate_limit or lock_timeout; of a 400, the error code that it carries. */
  code: string | null;
};
export type StandingFault = Fault & { method: string | null; path: string; left: number };

export class FaultError extends Error {}

export function readFault(given: JsonObject): Fault {
  const kind = FAULT_KINDS.find((name) => name === given.kind);
  if (!kind) throw new FaultError(`kind must be one of ${FAULT_KINDS.join(', ')}`);
  const effect = given.effect ?? 'before';
  if (effect !== 'before' && effect !== 'after') throw new FaultError('effect must be before or after');
  const status = given.status ?? 500;
  if (typeof status !== 'number' || status < 400 || status > 599) throw new FaultError('status must be 400 to 599');
  const delayMs = given.delay_ms ?? 0;
  if (typeof delayMs !== 'number' || delayMs < 0) throw new FaultError('delay_ms must be a number of milliseconds');
  const code = given.code ?? null;
  if (code !== null && typeof code !== 'string') throw new FaultError('code must be one of Stripe’s error codes');
  if (status === 429 && code !== null && code !== 'rate_limit' && code !== 'lock_timeout') throw new FaultError('code must be rate_limit or lock_timeout'); // prettier-ignore
  return { kind, status, effect, delayMs, code };
}

export class Faults {
  readonly standing: StandingFault[] = [];

  add(fault: Fault, match: { method: string | null; path: string }, times: number): void {
    this.standing.push({ ...fault, ...match, left: times });
  }

  clear(): void {
    this.standing.length = 0;
  }

  take(method: string, path: string): Fault | null {
    const at = this.standing.findIndex(
      (fault) => (fault.method === null || fault.method === method) && path.startsWith(fault.path),
    );
    const fault = this.standing[at];
    if (!fault) return null;
    fault.left -= 1;
    if (fault.left <= 0) this.standing.splice(at, 1);
    return fault;
  }
}

export function faultBody(status: number, code: Fault['code'] = null): JsonObject {
  const error = (type: string, message: string, code?: string): JsonObject => ({
    error: { ...(code ? { code } : {}), message, type },
  });
  if (status === 409) {
    return error(
      'idempotency_error',
      'There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through). Please try again later.',
      'idempotency_key_in_use',
    );
  }
  if (status === 429 && code === 'lock_timeout') {
    const doc_url = 'https://stripe.com/docs/error-codes/lock-timeout';
    const message =
      'This object cannot be accessed right now because another API request or Stripe process is currently accessing it. If you see this error intermittently, retry the request. If you see this error frequently and are making multiple concurrent requests to a single object, make your requests serially or at a lower rate.';
    return { error: { code, doc_url, message, type: 'invalid_request_error' } };
  }
  if (status === 429) {
    return error(
      'invalid_request_error',
      'Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.',
      'rate_limit',
    );
  }
  if (status >= 500) return error('api_error', 'An unknown error occurred');
  return error('invalid_request_error', `A fault of the sandbox: ${status}.`, code ?? undefined);
}
