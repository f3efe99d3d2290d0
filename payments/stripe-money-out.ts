// Money out: transfers to sellers and their reversals, and refunds to buyers.
import type { Stripe } from 'stripe';
import {
  type Payments,
  REFUND_STATUSES,
  type RefundFacts,
  type TransferFacts,
  type TransferReversalFacts,
} from './port.ts';
import { PAGE, type StripeCalls } from './stripe-calls.ts';
import { balanceTransaction, idOf } from './stripe-facts.ts';

const REFUND_EXPAND = ['balance_transaction', 'failure_balance_transaction'];

/** Transfers, reversals and refunds. */
export const moneyOut = ({
  stripe,
  guard,
}: StripeCalls): Pick<
  Payments,
  | 'createTransfer'
  | 'retrieveTransfer'
  | 'listTransfers'
  | 'createTransferReversal'
  | 'listTransferReversals'
  | 'createRefund'
  | 'retrieveRefund'
  | 'listRefunds'
> => ({
  createTransfer: (input, key) =>
    guard(async () =>
      transferFacts(
        await stripe.transfers.create(
          {
            amount: Number(input.amountMinor),
            currency: input.currency,
            destination: input.destination,
            ...(input.sourceTransaction === undefined ? {} : { source_transaction: input.sourceTransaction }),
            transfer_group: input.transferGroup,
            metadata: input.metadata,
            expand: ['balance_transaction'],
          },
          { idempotencyKey: key },
        ),
      ),
    ),
  retrieveTransfer: (id) =>
    guard(async () => transferFacts(await stripe.transfers.retrieve(id, { expand: ['balance_transaction'] }))),
  listTransfers: (transferGroup) =>
    guard(async () => {
      const found: TransferFacts[] = [];
      const all = stripe.transfers.list({
        transfer_group: transferGroup,
        limit: PAGE,
        expand: ['data.balance_transaction'],
      });
      for await (const transfer of all) found.push(transferFacts(transfer));
      return found;
    }),

  createTransferReversal: (transferId, input, key) =>
    guard(async () =>
      reversalFacts(
        await stripe.transfers.createReversal(
          transferId,
          { amount: Number(input.amountMinor), metadata: input.metadata, expand: ['balance_transaction'] },
          { idempotencyKey: key },
        ),
      ),
    ),
  listTransferReversals: (transferId) =>
    guard(async () => {
      const found: TransferReversalFacts[] = [];
      const all = stripe.transfers.listReversals(transferId, { limit: PAGE, expand: ['data.balance_transaction'] });
      for await (const reversal of all) found.push(reversalFacts(reversal));
      return found;
    }),
  createRefund: (input, key) =>
    guard(async () =>
      refundFacts(
        await stripe.refunds.create(
          {
            payment_intent: input.paymentIntentId,
            amount: Number(input.amountMinor),
            metadata: input.metadata,
            expand: REFUND_EXPAND,
          },
          { idempotencyKey: key },
        ),
      ),
    ),
  retrieveRefund: (id) => guard(async () => refundFacts(await stripe.refunds.retrieve(id, { expand: REFUND_EXPAND }))),
  listRefunds: (paymentIntentId) =>
    guard(async () => {
      const found: RefundFacts[] = [];
      const expand = REFUND_EXPAND.map((e) => `data.${e}`);
      for await (const refund of stripe.refunds.list({ payment_intent: paymentIntentId, limit: PAGE, expand })) {
        found.push(refundFacts(refund));
      }
      return found;
    }),
});

function transferFacts(t: Stripe.Transfer): TransferFacts {
  return {
    id: t.id,
    amountMinor: BigInt(t.amount),
    currency: t.currency,
    destination: idOf(t.destination),
    reversedMinor: BigInt(t.amount_reversed),
    metadata: t.metadata,
    balanceTransaction: balanceTransaction(t.balance_transaction),
  };
}

function reversalFacts(r: Stripe.TransferReversal): TransferReversalFacts {
  return {
    id: r.id,
    transferId: idOf(r.transfer) ?? '',
    amountMinor: BigInt(r.amount),
    currency: r.currency,
    metadata: r.metadata ?? {},
    balanceTransaction: balanceTransaction(r.balance_transaction),
  };
}

function refundFacts(r: Stripe.Refund): RefundFacts {
  return {
    id: r.id,
    status: REFUND_STATUSES.find((x) => x === r.status) ?? 'unknown',
    rawStatus: r.status ?? '',
    amountMinor: BigInt(r.amount),
    currency: r.currency,
    chargeId: idOf(r.charge),
    paymentIntentId: idOf(r.payment_intent),
    metadata: r.metadata ?? {},
    failureReason: r.failure_reason ?? null,
    balanceTransaction: balanceTransaction(r.balance_transaction),
    failureBalanceTransaction: balanceTransaction(r.failure_balance_transaction),
  };
}
