// What Stripe's answers cost and say, for Prometheus: latency by operation and status, failures by kind and code.
import { Counter, Histogram, type Registry } from 'prom-client';
import type { PaymentsError } from './errors.ts';

export interface StripeObserver {
  /** Every answer that came, refusals too. `path` as called, with ids. */
  answered(call: { method: string; path: string; status: number; elapsedMs: number }): void;
  /** Whatever did not succeed, calls without an answer included. */
  failed(error: PaymentsError): void;
}

/** Ids are no label: `/v1/payment_intents/pi_123/confirm` is counted as `/v1/payment_intents/{id}/confirm`. */
export function operationOf(path: string): string {
  const [withoutQuery = ''] = path.split('?', 1);
  return withoutQuery
    .split('/')
    .map((part) =>
      /^(acct|ch|cs|du|dp|evt|fdis|file|in|issfr|pi|pm|po|py|pyr|re|tr|trr|tu|txn)_\w+$/.test(part) ? '{id}' : part,
    )
    .join('/');
}

export function stripeMetrics(registry: Registry): StripeObserver {
  const duration = new Histogram({
    name: 'tranche_stripe_request_duration_seconds',
    help: 'Time until Stripe answered, by operation and status.',
    labelNames: ['method', 'operation', 'status'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 12],
    registers: [registry],
  });
  const failures = new Counter({
    name: 'tranche_stripe_failures_total',
    help: 'Calls that Stripe declined or refused, or that got no answer: kind as in payments/errors.ts, code as Stripe has it.',
    labelNames: ['kind', 'code'],
    registers: [registry],
  });
  return {
    answered: ({ method, path, status, elapsedMs }) =>
      duration.observe({ method, operation: operationOf(path), status: String(status) }, elapsedMs / 1000),
    failed: ({ kind, code }) => failures.inc({ kind, code }),
  };
}
