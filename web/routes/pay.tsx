// /pay/<payment id>: choosing how to pay, and the way back from the bank.
import { Router } from 'express';
import type { Child } from 'hono/jsx';
import type { AppContext } from '../../api/context.ts';
import { notFound } from '../../api/escrow-commands.ts';
import type { ProblemDocument } from '../../api/problem.ts';
import { type EscrowRecord, findEscrow, principalOn } from '../../db/escrows.ts';
import type { PaymentState } from '../../domain/escrow-state.ts';
import { isId } from '../../domain/ids.ts';
import { permit } from '../../domain/transitions.ts';
import { commandKeyOf, field, homeOf, html, type PageCall, seenAlready, seeOther, signedIn } from '../page.ts';
import { type FundAnswer, giveCommand } from '../page-commands.ts';
import { type ElementFacts, PayPage } from '../pages/pay.tsx';
import { contentPolicy, isStripesPage } from '../policy.ts';
import { ErrorState } from '../parts/basics.tsx';
import { escrowOfPayment } from '../reads.ts';
import { declineWords } from '../money-words.ts';

export function payRoutes(context: AppContext): Router {
  const router = Router();
  router.get(
    '/pay/:id',
    signedIn(context, null, (call) => show(call)),
  );
  router.post('/pay/:id', signedIn(context, null, pay));
  return router;
}

async function found({ context, viewer, request }: PageCall): Promise<{ record: EscrowRecord; payment: PaymentState }> {
  const id = String(request.params['id']);
  const escrowId = isId('payment', id) ? await escrowOfPayment(context.sql, id) : null;
  const record = escrowId === null ? null : await findEscrow(context.sql, viewer, escrowId);
  const payment = record?.state.payments.find((p) => p.id === id);
  if (!record || payment === undefined) throw notFound('payment');
  return { record, payment };
}

async function show(call: PageCall, problem?: Child, status = 200): Promise<void> {
  const { context, viewer, reader, request, response } = call;
  const { record, payment } = await found(call);
  if (seenAlready(request, record.state.revision)) return void response.status(204).end();
  const principal = principalOn(record.state, viewer);
  const mayPay = principal?.role === 'buyer' && permit(record.state, 'fund', principal, null, { milestoneIds: payment.milestoneIds }, reader.now) === null; // prettier-ignore
  const element = mayPay ? await elementOf(call, payment) : null;
  const waits = payment.status === 'requires_payment_method' || payment.status === 'requires_action';
  const stripePage = mayPay && waits && payment.checkout !== undefined ? await stripePageOf(call, payment.checkout.sessionId) : null; // prettier-ignore
  if (element !== null) response.set('Content-Security-Policy', contentPolicy(context.settings, { payment: true }));
  html(
    response,
    <PayPage
      reader={reader}
      record={record}
      payment={payment}
      mode={context.settings.mode}
      mayPay={mayPay}
      bankUrl={mayPay && payment.status === 'requires_action' ? await bankUrlOf(call, payment) : null}
      returned={typeof request.query['redirect_status'] === 'string'}
      element={element}
      stripePage={stripePage}
      problem={problem}
    />,
    status,
  );
}

/** Where Stripe's own page for this payment is; null when it is over, or when Stripe does not answer. */
async function stripePageOf({ context }: PageCall, sessionId: string | null): Promise<string | null> {
  if (sessionId === null) return null;
  try {
    return (await context.payments.retrieveCheckoutSession(sessionId)).url;
  } catch (error) {
    context.logger.warn({ err: error, session_id: sessionId }, 'the address of Stripe’s page could not be read');
    return null;
  }
}

/** Stripe says it at the moment when it is needed; without an answer the page offers to look again. */
async function bankUrlOf({ context }: PageCall, payment: PaymentState): Promise<string | null> {
  if (payment.paymentIntentId === null || payment.checkout !== undefined) return null;
  try {
    return (await context.payments.retrievePaymentIntent(payment.paymentIntentId)).actionUrl;
  } catch (error) {
    context.logger.warn({ err: error, payment_id: payment.id }, 'the bank’s address could not be read');
    return null;
  }
}

/** What Stripe's own form needs: the secret of this very payment, read at the moment when the buyer looks. */
async function elementOf(call: PageCall, payment: PaymentState): Promise<ElementFacts | null> {
  const { context } = call;
  const { publishableKey } = context.settings.stripe;
  const waits = payment.status === 'requires_payment_method' || payment.status === 'creating';
  if (publishableKey === undefined || !waits || payment.paymentIntentId === null || payment.checkout !== undefined) return null; // prettier-ignore
  try {
    const { clientSecret } = await context.payments.retrievePaymentIntent(payment.paymentIntentId);
    return clientSecret === null ? null : { publishableKey, clientSecret, returnUrl: `${homeOf(call)}/pay/${payment.id}` };
  } catch (error) {
    context.logger.warn({ err: error, payment_id: payment.id }, 'the payment’s secret could not be read');
    return null;
  }
} // prettier-ignore

async function pay(call: PageCall): Promise<void> {
  const { request, response } = call;
  const { record, payment } = await found(call);
  const home = `/escrows/${record.state.id}`;
  const result = await giveCommand<FundAnswer>(
    call,
    'fund',
    { escrowId: record.state.id, milestoneId: null },
    {
      milestone_ids: payment.milestoneIds,
      payment_method: field(request, 'payment_method'),
      // Another way to pay is another payment: its page is where the buyer comes back to.
      return_url: `${homeOf(call)}/pay/{payment_id}`,
      ...wayOf(field(request, 'way')),
    },
    commandKeyOf(request),
  );
  if (result.kind === 'refused') return show(call, refusal(result.problem), result.problem.status >= 500 ? result.problem.status : result.problem.status === 402 ? 402 : 409); // prettier-ignore
  const { status, id, url } = result.body.payment;
  if (field(request, 'way') === 'stripe' && url !== null && isStripesPage(call.context.settings, url)) return response.redirect(303, url); // prettier-ignore
  if (status === 'succeeded') return seeOther(response, home, 'paid');
  if (status === 'processing') return seeOther(response, home, 'processing');
  return seeOther(response, `/pay/${id}`);
}

/** Left out: the way that is open already. */
const wayOf = (way: string | undefined): { checkout?: boolean } =>
  way === 'stripe' ? { checkout: true } : way === 'here' ? { checkout: false } : {};

function refusal(problem: ProblemDocument): Child {
  if (problem.code === 'payment_declined') {
    return (
      <ErrorState title={declineWords(problem['decline_code'])}>
        <p>Nothing was charged. Try another way to pay.</p>
      </ErrorState>
    );
  }
  if (problem.code === 'outcome_unknown') {
    return (
      <ErrorState title="We do not know yet whether it was paid">
        <p>
          It may still be running. This page shows it as soon as we know; you are never charged twice for this payment.
        </p>
      </ErrorState>
    );
  }
  return (
    <ErrorState title="This was not paid">
      <p>{problem.detail}</p>
    </ErrorState>
  );
}
