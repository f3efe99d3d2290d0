// Money in: the PaymentIntent of an escrow, and the posting of its charge in the transaction that records it.
import type { Tx } from '../db/client.ts';
import { post } from '../db/ledger.ts';
import { changeMovement, findMovement, lockMovement, openCharge, reserveMovement, settleMovement } from '../db/movements.ts'; // prettier-ignore
import { findRisks, notePaymentFingerprint } from '../db/risks.ts';
import { allocateCharge, type ChargeAllocation } from '../domain/allocation.ts';
import { assert } from '../domain/errors.ts';
import { toMinor } from '../domain/money.ts';
import { chargeAllocated, chargeCaptured, inverse } from '../domain/postings.ts';
import { PaymentsError } from '../payments/errors.ts';
import type { CheckoutSessionFacts, PaymentIntentFacts } from '../payments/port.ts';
import type { PaymentAnswer, PaymentOrder } from './contract.ts';
import { type ActivityDeps, final, readFromStripe, writeToStripe } from './stripe-call.ts';

export function paymentActivities(deps: ActivityDeps) {
  const { sql, payments } = deps;

  async function createPayment(order: PaymentOrder): Promise<PaymentAnswer> {
    const { movement } = await sql.begin((tx) =>
      reserveMovement(tx as Tx, {
        id: order.paymentId,
        kind: 'payment',
        escrowId: order.escrowId,
        amountMinor: toMinor(order.amount),
        currency: order.currency,
      }),
    );
    const metadata = { escrow_id: order.escrowId, payment_id: order.paymentId };
    const returnUrl = (order.returnUrl ?? 'https://example.invalid/').replaceAll('{payment_id}', order.paymentId);
    if (order.checkout !== undefined) return openCheckout(order, order.checkout.title, { metadata, returnUrl, since: movement.created_at }); // prettier-ignore
    const confirms = order.paymentIntentId !== null;
    try {
      const intent = await writeToStripe(deps, {
        escrowId: order.escrowId,
        movementId: order.paymentId,
        subject: order.paymentId,
        operation: confirms ? 'confirm' : 'charge',
        generation: order.generation,
        params: {
          amount: order.amount,
          currency: order.currency,
          method: order.paymentMethod,
          intent: order.paymentIntentId,
        },
        call: (key) =>
          order.paymentIntentId !== null && order.paymentMethod !== null
            ? payments.confirmPaymentIntent(
                order.paymentIntentId,
                { paymentMethod: order.paymentMethod, returnUrl },
                key,
              )
            : payments.createPaymentIntent(
                {
                  amountMinor: toMinor(order.amount),
                  currency: order.currency,
                  transferGroup: order.escrowId,
                  metadata,
                  paymentMethod: order.paymentMethod ?? undefined,
                  returnUrl,
                },
                key,
              ),
        find: () =>
          order.paymentIntentId !== null
            ? payments.retrievePaymentIntent(order.paymentIntentId)
            : payments.findPaymentIntent(order.paymentId, movement.created_at),
      });
      return await recordIntent(order, intent);
    } catch (error) {
      if (!(error instanceof PaymentsError)) throw error;
      return refusal(order, error);
    }
  }

  /** The buyer pays on Stripe's own page: its session makes the PaymentIntent, with what one of ours carries. */
  async function openCheckout(order: PaymentOrder, title: string, { metadata, returnUrl, since }: { metadata: Record<string, string>; returnUrl: string; since: Date }): Promise<PaymentAnswer> {
    const paid = new URL(returnUrl);
    paid.searchParams.set('redirect_status', 'returned');
    try {
      const session = await writeToStripe(deps, {
        escrowId: order.escrowId,
        movementId: order.paymentId,
        subject: order.paymentId,
        operation: 'checkout',
        generation: order.generation,
        params: { amount: order.amount, currency: order.currency, title },
        call: (key) =>
          payments.createCheckoutSession(
            {
              amountMinor: toMinor(order.amount),
              currency: order.currency,
              transferGroup: order.escrowId,
              metadata,
              title,
              returnUrl: paid.toString(),
              cancelUrl: returnUrl,
            },
            key,
          ),
        find: () => payments.findCheckoutSession(order.paymentId, since),
      });
      return await recordSession(order, session);
    } catch (error) {
      if (!(error instanceof PaymentsError)) throw error;
      return refusal(order, error);
    }
  } // prettier-ignore

  /** What became of a session: of its PaymentIntent where it has one. */
  async function recordSession(order: PaymentOrder, session: CheckoutSessionFacts): Promise<PaymentAnswer> {
    const { id, status, paymentIntentId } = session;
    const of = { checkoutSessionId: id };
    const intent = paymentIntentId === null ? null : await readFromStripe(() => payments.retrievePaymentIntent(paymentIntentId)); // prettier-ignore
    const over = status === 'complete' || status === 'expired';
    if (intent === null ? status === 'expired' : over && OVER_WITH_ITS_SESSION.has(intent.status)) {
      await sql.begin((tx) =>
        changeMovement(tx, order.paymentId, { status: 'canceled', error_code: `session_${status}` }),
      );
      return { ...nothing(paymentIntentId), ...of, status: 'canceled' };
    }
    // The buyer is at the bank, and the page that would take its answer is gone: whether money comes is not known.
    if (status === 'expired' && intent?.status === 'requires_action') throw final('session_expired_in_action', `Checkout Session ${id} is expired while its PaymentIntent ${intent.id} waits for the bank: a person must look.`); // prettier-ignore
    if (intent !== null) return { ...(await recordIntent(order, intent)), ...of };
    if (status !== 'open') throw final('unknown_status', `Checkout Session ${id} has status ${session.rawStatus} and no PaymentIntent: a person must look.`); // prettier-ignore
    await sql.begin((tx) => changeMovement(tx, order.paymentId, { status: 'requires_payment_method' }));
    return { ...nothing(null), ...of };
  }

  /** A decline leaves the PaymentIntent open for another method; any other refusal is shown as it is. */
  async function refusal(order: PaymentOrder, error: PaymentsError): Promise<PaymentAnswer> {
    const paymentIntentId = error.paymentIntentId ?? order.paymentIntentId;
    // A confirm that lost against a success: what Stripe says of the intent counts, not the error.
    if (paymentIntentId !== null && error.code === 'payment_intent_unexpected_state') {
      return recordIntent(order, await readFromStripe(() => payments.retrievePaymentIntent(paymentIntentId)));
    }
    await sql.begin((tx) =>
      changeMovement(tx as Tx, order.paymentId, {
        status: paymentIntentId === null ? 'failed' : 'requires_payment_method',
        error_code: error.declineCode ?? error.code,
        error_message: error.message,
        ...(paymentIntentId === null ? {} : { stripe_id: paymentIntentId }),
      }),
    );
    return {
      ...nothing(paymentIntentId),
      status: error.kind === 'declined' ? 'declined' : 'refused',
      declineCode: error.declineCode ?? error.code,
      message: error.message,
    };
  }

  async function recordPayment(order: PaymentOrder): Promise<PaymentAnswer> {
    const id = order.paymentIntentId;
    const sessionId = order.checkout?.sessionId ?? null;
    if (sessionId !== null) return recordSession(order, await readFromStripe(() => payments.retrieveCheckoutSession(sessionId))); // prettier-ignore
    if (id !== null) return recordIntent(order, await readFromStripe(() => payments.retrievePaymentIntent(id)));
    const movement = await findMovement(sql, order.paymentId);
    if (order.checkout !== undefined && movement !== null) {
      const session = await readFromStripe(() => payments.findCheckoutSession(order.paymentId, movement.created_at));
      if (session !== null) return recordSession(order, session);
    }
    const found =
      movement && (await readFromStripe(() => payments.findPaymentIntent(order.paymentId, movement.created_at)));
    if (found) return recordIntent(order, found);
    // Stripe never made it: the buyer may pay anew.
    await sql.begin((tx) => changeMovement(tx, order.paymentId, { status: 'canceled', error_code: 'never_created' }));
    return { ...nothing(null), status: 'canceled' };
  }

  async function cancelPayment(order: PaymentOrder): Promise<PaymentAnswer> {
    if (order.checkout !== undefined) return expireCheckout(order, order.checkout.sessionId);
    const id = order.paymentIntentId;
    assert(id !== null, 'a payment is cancelled by its PaymentIntent');
    try {
      const intent = await writeToStripe(deps, {
        escrowId: order.escrowId,
        movementId: order.paymentId,
        subject: order.paymentId,
        operation: 'cancel',
        generation: order.generation,
        params: { intent: id },
        call: (key) => payments.cancelPaymentIntent(id, key),
        find: () => payments.retrievePaymentIntent(id),
      });
      return await recordIntent(order, intent);
    } catch (error) {
      // Too late to cancel: it succeeded, or a bank is at work on it.
      if (error instanceof PaymentsError) return recordPayment(order);
      throw error;
    }
  }

  /** Stripe cancels the PaymentIntent of a session only with its session. */
  async function expireCheckout(order: PaymentOrder, id: string | null): Promise<PaymentAnswer> {
    assert(id !== null, 'a payment on Stripe’s page is cancelled by its session');
    try {
      const session = await writeToStripe(deps, {
        escrowId: order.escrowId,
        movementId: order.paymentId,
        subject: order.paymentId,
        operation: 'cancel',
        generation: order.generation,
        params: { session: id },
        call: (key) => payments.expireCheckoutSession(id, key),
        find: () => payments.retrieveCheckoutSession(id),
      });
      return await recordSession(order, session);
    } catch (error) {
      // Too late: it is paid, or over already.
      if (error instanceof PaymentsError) return recordPayment(order);
      throw error;
    }
  }

  /** Writes down what a PaymentIntent is now; a success is posted once, whoever sees it first. */
  async function recordIntent(order: PaymentOrder, intent: PaymentIntentFacts): Promise<PaymentAnswer> {
    const answer = nothing(intent.id);
    const { status } = intent;
    switch (status) {
      case 'succeeded':
        return { ...answer, ...(await recordCharge(order, intent)), status: 'succeeded' };
      case 'processing':
      case 'requires_action':
      case 'canceled':
      case 'requires_payment_method':
        await sql.begin(async (tx) => {
          const known = await lockMovement(tx as Tx, order.paymentId);
          if (known?.status === 'succeeded') return;
          await changeMovement(tx as Tx, order.paymentId, {
            status,
            stripe_id: intent.id,
          });
        });
        return {
          ...answer,
          status,
          methodType: intent.methodType,
          declineCode: intent.lastError?.declineCode ?? intent.lastError?.code ?? null,
          message: intent.lastError?.message ?? null,
        };
      case 'requires_confirmation':
        return { ...answer, status: 'requires_payment_method' };
      case 'unknown':
        throw final('unknown_status', `PaymentIntent ${intent.id} has status ${intent.rawStatus}, which this version does not know: a person must look.`); // prettier-ignore
    }
  }

  async function recordCharge(
    order: PaymentOrder,
    intent: PaymentIntentFacts,
  ): Promise<Pick<PaymentAnswer, 'chargeId' | 'methodType' | 'settlementCurrency' | 'allocations' | 'risks'>> {
    const charge = intent.charge;
    const bt = charge?.balanceTransaction;
    if (!charge || !bt) {
      throw new Error(
        `PaymentIntent ${intent.id} succeeded, but its charge has no balance transaction yet: read again`,
      );
    }
    const allocations = allocateCharge(bt.amountMinor, order.milestones);
    const risks = await sql.begin(async (raw) => {
      const tx = raw as Tx;
      const known = await lockMovement(tx, order.paymentId);
      assert(known !== null, `payment ${order.paymentId} was never reserved`);
      if (known.status !== 'succeeded') {
        const more = { stripe_charge_id: charge.id, settled_amount: bt.amountMinor, settlement_currency: bt.currency };
        await settleMovement(tx, order.paymentId, { stripeId: intent.id, bt }, more);
        await openCharge(tx, { chargeId: charge.id, paymentId: order.paymentId, escrowId: order.escrowId, currency: bt.currency, capturedMinor: bt.amountMinor }); // prettier-ignore
        await post(tx, {
          key: `charge:${order.paymentId}`,
          kind: 'charge_captured',
          currency: bt.currency,
          escrowId: order.escrowId,
          balanceTransactionId: bt.id,
          cause: { stripe: charge.id },
          legs: chargeCaptured(order.paymentId, bt),
        });
      }
      if (order.allocate) await allocate(tx, order, bt.currency, allocations);
      else await unallocate(tx, order, bt.currency);
      if (charge.paidWith) await notePaymentFingerprint(tx, { paymentId: order.paymentId, escrowId: order.escrowId, ...charge.paidWith }); // prettier-ignore
      return order.allocate ? await findRisks(tx, order.escrowId) : [];
    });
    deps.crashPoint?.('after_commit');
    const answer = { chargeId: charge.id, methodType: intent.methodType, settlementCurrency: bt.currency, allocations };
    if (risks.length === 0) return answer;
    return { ...answer, risks: risks.map(({ sellerId, key }) => ({ sellerId, key })) };
  }

  function allocate(tx: Tx, order: PaymentOrder, currency: string, allocations: ChargeAllocation[]): Promise<void> {
    const parts = allocations.map((a, i) => ({
      milestoneId: a.milestoneId,
      sellerId: order.milestones[i]!.sellerId,
      principalMinor: toMinor(a.principal),
      buyerFeeMinor: toMinor(a.buyerFee),
    }));
    return post(tx, {
      key: `allocate:${order.paymentId}`,
      kind: 'charge_allocated',
      currency,
      escrowId: order.escrowId,
      legs: chargeAllocated(order.paymentId, parts),
    });
  }

  /**
   * The escrow was given up between the posting of this payment and its answer, which was lost: what was allocated goes back
   * into charge clearing, from where all of it is returned. Found by the simulation.
   */
  async function unallocate(tx: Tx, order: PaymentOrder, currency: string): Promise<void> {
    const rows = await tx<{ account: string; amount: bigint; milestone_id: string | null; seller_id: string | null }[]>`
      SELECT e.account, e.amount, e.milestone_id, e.seller_id
      FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.transaction_id
      WHERE t.idempotency_key = ${`allocate:${order.paymentId}`} ORDER BY e.leg`;
    const allocated = rows.map((r) => ({
      account: r.account,
      amountMinor: r.amount,
      milestoneId: r.milestone_id ?? undefined,
      sellerId: r.seller_id ?? undefined,
    }));
    await post(tx, {
      key: `unallocate:${order.paymentId}`,
      kind: 'charge_unallocated',
      currency,
      escrowId: order.escrowId,
      legs: inverse(allocated),
    });
  }

  return { createPayment, recordPayment, cancelPayment };
}

/** Of a session that is over nobody can confirm these any more: it ran out, or a bank debit that it began failed. */
const OVER_WITH_ITS_SESSION: ReadonlySet<string> = new Set([
  'requires_payment_method',
  'requires_confirmation',
  'canceled',
]);

const nothing = (paymentIntentId: string | null): PaymentAnswer => ({
  status: 'requires_payment_method',
  paymentIntentId,
  chargeId: null,
  methodType: null,
  declineCode: null,
  message: null,
  settlementCurrency: null,
  allocations: [],
});
