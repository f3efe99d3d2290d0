// One error class for what Stripe refuses or fails to answer, sorted by what the caller must do next.
import { Stripe } from 'stripe';

/**
 * declined: the buyer's bank said no. refused: Stripe said no for good; the code says why. retryable: nothing happened, try
 * again. unknown: it may have happened; only the same key, or a look-up, may follow. replayed_failure: a stored 500 came
 * back for this key; look it up before any new key. key_mismatch: our fault, a person looks. signature_invalid: forged.
 */
export type PaymentsErrorKind =
  'declined' | 'refused' | 'retryable' | 'unknown' | 'replayed_failure' | 'key_mismatch' | 'signature_invalid';

export class PaymentsError extends Error {
  readonly kind: PaymentsErrorKind;
  readonly code: string;
  readonly declineCode: string | null;
  readonly requestId: string | null;
  readonly retryAfterMs: number | null;
  /** PaymentIntent that the error is about, where Stripe names it. */
  readonly paymentIntentId: string | null;

  constructor(
    kind: PaymentsErrorKind,
    code: string,
    message: string,
    more: {
      declineCode?: string | null;
      requestId?: string | null;
      retryAfterMs?: number | null;
      paymentIntentId?: string | null;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: more.cause });
    this.name = 'PaymentsError';
    this.kind = kind;
    this.code = code;
    this.declineCode = more.declineCode ?? null;
    this.requestId = more.requestId ?? null;
    this.retryAfterMs = more.retryAfterMs ?? null;
    this.paymentIntentId = more.paymentIntentId ?? null;
  }
}

type RawError = InstanceType<typeof Stripe.errors.StripeError>;

/** Maps the SDK's error classes one by one; what is not Stripe's is thrown on as it is. */
export function toPaymentsError(error: unknown): unknown {
  if (!(error instanceof Stripe.errors.StripeError)) return error;
  const raw = error as RawError;
  const more = {
    declineCode: raw.decline_code ?? null,
    requestId: raw.requestId ?? null,
    retryAfterMs: retryAfter(raw),
    paymentIntentId: raw.payment_intent?.id ?? null,
    cause: error,
  };
  const code = raw.code ?? raw.type ?? 'unknown';
  const make = (kind: PaymentsErrorKind) => new PaymentsError(kind, code, raw.message, more);
  if (raw instanceof Stripe.errors.StripeCardError) return make('declined');
  if (raw instanceof Stripe.errors.StripeIdempotencyError) {
    return make(raw.statusCode === 409 ? 'retryable' : 'key_mismatch');
  }
  if (raw instanceof Stripe.errors.StripeRateLimitError || raw.statusCode === 429) return make('retryable');
  if (raw.statusCode === 409) return make('retryable');
  if (raw instanceof Stripe.errors.StripeConnectionError) return make('unknown');
  if (raw instanceof Stripe.errors.StripeAPIError || (raw.statusCode ?? 500) >= 500) {
    return make(raw.headers?.['idempotent-replayed'] === 'true' ? 'replayed_failure' : 'unknown');
  }
  if (raw instanceof Stripe.errors.StripeSignatureVerificationError) return make('signature_invalid');
  return make('refused');
}

function retryAfter(raw: RawError): number | null {
  const seconds = Number(raw.headers?.['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : null;
}
