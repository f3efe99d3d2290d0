// Stripe's errors. Every one carries an `error` object: without it the SDK takes even a 404 for a success.
import type { JsonObject } from './json.ts';

export type ErrorDetail = {
  type?: string;
  code?: string;
  param?: string;
  /** Raised while reading parameters: not stored under the idempotency key, and no Stripe-Should-Retry header. */
  reading?: boolean;
  /** The operation's writes stay although it answers with an error (a declined card leaves a failed charge). */
  keepWrites?: boolean;
  /** False for answers that the same key runs again (409, 429). */
  stored?: boolean;
  shouldRetry?: boolean;
  extra?: JsonObject;
  /** Refused before the API proper: no request id, no version, no log. */
  bare?: boolean;
};

export class StripeError extends Error {
  readonly status: number;
  readonly detail: ErrorDetail;

  constructor(status: number, message: string, detail: ErrorDetail = {}) {
    super(message);
    this.status = status;
    this.detail = detail;
  }

  body(requestId: string, account: string): JsonObject {
    const { type = 'invalid_request_error', code, param, extra, bare } = this.detail;
    return {
      error: {
        ...(code === undefined
          ? {}
          : { code, doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}` }),
        message: this.message,
        ...(param === undefined ? {} : { param }),
        ...extra,
        ...(bare
          ? {}
          : { request_log_url: `https://dashboard.stripe.com/${account}/test/workbench/logs?object=${requestId}` }),
        type,
      },
    };
  }
}

export function invalid(message: string, detail: ErrorDetail = {}): StripeError {
  return new StripeError(400, message, detail);
}

export function missing(what: string, id: string, param = 'id'): StripeError {
  return new StripeError(param === 'id' || param === 'intent' ? 404 : 400, `No such ${what}: '${id}'`, {
    code: 'resource_missing',
    param,
    reading: true,
  });
}

export function balanceInsufficient(message: string): StripeError {
  return invalid(message, { code: 'balance_insufficient' });
}
