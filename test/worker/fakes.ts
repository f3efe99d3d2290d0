// Stand-ins at the pump's two borders: Stripe as a map of objects, Temporal's client as a list of signals. PostgreSQL is real.
import { WorkflowNotFoundError } from '@temporalio/client';
import pino from 'pino';
import { PaymentsError } from '../../payments/errors.ts';
import type {
  AccountFacts,
  CheckoutSessionFacts,
  FailedChargeFacts,
  PaymentIntentFacts,
  RefundFacts,
  TransferFacts,
} from '../../payments/port.ts';
import type { SignalClient } from '../../worker/escrow-signals.ts';
import type { StripeReads } from '../../worker/handlers/context.ts';

export const silent = pino({ level: 'silent' });

export interface SentSignal {
  workflowId: string;
  name: string;
  argument: unknown;
}

export interface FakeTemporal extends SignalClient {
  sent: SentSignal[];
  closed: Set<string>;
  /** Called before each signal is taken; throws for a server that is down. */
  before: (workflowId: string) => Promise<void> | void;
}

export function fakeTemporal(): FakeTemporal {
  const fake: FakeTemporal = {
    sent: [],
    closed: new Set(),
    before: () => {},
    withDeadline: (_deadline, call) => call(),
    workflow: {
      getHandle: (workflowId) => ({
        signal: async (name, argument) => {
          await fake.before(workflowId);
          if (fake.closed.has(workflowId)) throw new WorkflowNotFoundError('closed', workflowId, undefined);
          fake.sent.push({ workflowId, name, argument });
        },
      }),
      signalWithStart: async (_workflow, { workflowId, signal, signalArgs }) => {
        await fake.before(workflowId);
        fake.sent.push({ workflowId, name: signal, argument: signalArgs[0] });
      },
    },
  };
  return fake;
}

export interface FakeStripe extends StripeReads {
  intents: Map<string, PaymentIntentFacts>;
  sessions: Map<string, CheckoutSessionFacts>;
  refunds: Map<string, RefundFacts>;
  transfers: Map<string, TransferFacts>;
  failedCharges: Map<string, FailedChargeFacts>;
  accounts: Map<string, AccountFacts>;
  reads: number;
  /** Set: every read throws it. */
  down: Error | null;
}

export function fakeStripe(): FakeStripe {
  const read = <T>(objects: Map<string, T>, id: string): Promise<T> => {
    fake.reads += 1;
    if (fake.down !== null) return Promise.reject(fake.down);
    const found = objects.get(id);
    if (found === undefined) return Promise.reject(new PaymentsError('refused', 'resource_missing', `no ${id}`));
    return Promise.resolve(found);
  };
  const fake: FakeStripe = {
    intents: new Map(),
    sessions: new Map(),
    refunds: new Map(),
    transfers: new Map(),
    failedCharges: new Map(),
    accounts: new Map(),
    reads: 0,
    down: null,
    retrievePaymentIntent: (id) => read(fake.intents, id),
    retrieveCheckoutSession: (id) => read(fake.sessions, id),
    retrieveFailedCharge: (id) => read(fake.failedCharges, id),
    retrieveDispute: () => Promise.reject(new PaymentsError('refused', 'resource_missing', 'No such dispute')),
    retrieveFraudWarning: () => Promise.reject(new PaymentsError('refused', 'resource_missing', 'No such warning')),
    retrieveRefund: (id) => read(fake.refunds, id),
    retrieveTransfer: (id) => read(fake.transfers, id),
    retrievePayout: () => Promise.reject(new PaymentsError('refused', 'resource_missing', 'No such payout')),
    externalAccounts: async () => [],
    retrieveAccount: (id) => read(fake.accounts, id),
    listRefunds: (intentId) =>
      Promise.resolve([...fake.refunds.values()].filter((refund) => refund.paymentIntentId === intentId)),
  };
  return fake;
}

export function intent(id: string, status: string, metadata: Record<string, string>): PaymentIntentFacts {
  return {
    id,
    status,
    amountMinor: 10_000n,
    currency: 'usd',
    metadata,
    clientSecret: null,
    actionUrl: null,
    methodType: 'card',
    charge: null,
    lastError: null,
  } as PaymentIntentFacts;
}

export function refundOf(
  id: string,
  status: string,
  paymentIntentId: string | null,
  metadata: Record<string, string>,
): RefundFacts {
  return {
    id,
    status,
    amountMinor: 10_000n,
    currency: 'usd',
    chargeId: 'ch_1',
    paymentIntentId,
    metadata,
    failureReason: null,
    balanceTransaction: null,
    failureBalanceTransaction: null,
  } as RefundFacts;
}
