// What every adapter of the port gets: the package, and the guard that says what an error of Stripe's means.
import { Stripe } from 'stripe';
import { PaymentsError, toPaymentsError } from './errors.ts';
import type { StripeObserver } from './metrics.ts';

export interface StripeOptions {
  secretKey: string;
  /** The sandbox's address, or a proxy's; absent = Stripe itself. */
  apiBase?: string | undefined;
  /** Several: platform, connected and thin endpoints, and rotation. */
  webhookSecrets: readonly string[];
}

export interface StripeCalls {
  stripe: Stripe;
  /** @throws PaymentsError, where Stripe refused or did not answer */
  guard: <T>(call: () => Promise<T>) => Promise<T>;
}

/** Of a list that is read whole, a page at a time. */
export const PAGE = 100;

/** Under the activities' 30 s, so that two attempts never overlap; the SDK's own retry is off. */
const TIMEOUT_MS = 12_000;

export function stripeCalls(options: StripeOptions, observer?: StripeObserver): StripeCalls {
  const stripe = client(options);
  stripe.on('response', ({ method, path, status, elapsed }: Stripe.ResponseEvent) =>
    observer?.answered({ method, path, status, elapsedMs: elapsed }),
  );
  const guard: StripeCalls['guard'] = async (call) => {
    try {
      return await call();
    } catch (error) {
      const failure = toPaymentsError(error);
      if (failure instanceof PaymentsError) observer?.failed(failure);
      throw failure;
    }
  };
  return { stripe, guard };
}

function client(options: StripeOptions): Stripe {
  const base = options.apiBase === undefined ? undefined : new URL(options.apiBase);
  return new Stripe(options.secretKey, {
    timeout: TIMEOUT_MS,
    maxNetworkRetries: 0,
    telemetry: false,
    appInfo: { name: 'Tranche' },
    ...(base === undefined
      ? {}
      : {
          host: base.hostname,
          port: Number(base.port || 80),
          protocol: base.protocol === 'https:' ? 'https' : 'http',
        }),
  });
}
