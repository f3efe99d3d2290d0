// Pages of one role: a seller's verification; Stripe's events for staff.
import { Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { runOnce } from '../../api/commands.ts';
import { notFound } from '../../api/escrow-commands.ts';
import { Problem } from '../../api/problem.ts';
import { findSeller, type Seller, updateSellerCapability } from '../../db/sellers.ts';
import { EVENT_STATES, findStripeEvent, listStripeEvents, replayStripeEvent } from '../../db/stripe-events.ts';
import { PaymentsError } from '../../payments/errors.ts';
import { commandKeyOf, homeOf, html, noticeOf, type PageCall, seeOther, signedIn } from '../page.ts';
import { answered } from '../page-commands.ts';
import { EventsPage } from '../pages/ops.tsx';
import { VerificationPage } from '../pages/verification.tsx';

const STAFF = ['ops', 'auditor'] as const;
const EVENTS_PER_PAGE = 50;

export function sellerRoutes(context: AppContext): Router {
  const router = Router();
  router.get(
    '/verification',
    signedIn(context, ['seller'], (call) => verification(call)),
  );
  router.post('/verification', signedIn(context, ['seller'], goToOnboarding));
  return router;
}

async function verification(call: PageCall, problem?: string): Promise<void> {
  const { context, viewer, reader, request, response } = call;
  const seller = await current(context, viewer.id);
  html(response, <VerificationPage reader={reader} seller={seller} notice={noticeOf(request)} problem={problem} />, problem === undefined ? 200 : 502); // prettier-ignore
}

/** Somebody who waits for Stripe looks here: ask it, and show what we know when it does not answer. */
async function current(context: AppContext, id: string): Promise<Seller | null> {
  const seller = await findSeller(context.sql, id);
  if (seller === null || seller.transfers === 'active') return seller;
  try {
    const account = await context.payments.retrieveAccount(seller.stripeAccountId);
    await updateSellerCapability(context.sql, id, account.transfers, account.requirements);
    return await findSeller(context.sql, id);
  } catch (error) {
    context.logger.warn({ err: error, seller_id: id }, 'account could not be read');
    return seller;
  }
}

/** Stripe's link works once and for minutes: it is asked for at the click, and never kept. */
async function goToOnboarding(call: PageCall): Promise<void> {
  const { context, viewer, response } = call;
  const seller = await findSeller(context.sql, viewer.id);
  if (seller === null) throw notFound('account');
  const home = `${homeOf(call)}/verification`;
  try {
    const urls = { returnUrl: `${home}?done=onboarded`, refreshUrl: home };
    const { url } = await context.payments.createOnboardingLink(seller.stripeAccountId, urls);
    response.redirect(303, url);
  } catch (error) {
    if (!(error instanceof PaymentsError)) throw error;
    await verification(call, 'Stripe did not answer.');
  }
}

export function staffRoutes(context: AppContext): Router {
  const router = Router();
  router.get(
    '/ops/events',
    signedIn(context, STAFF, (call) => events(call)),
  );
  router.post('/ops/events/:id/replay', signedIn(context, ['ops'], replay));
  return router;
}

async function events(call: PageCall, problem?: string): Promise<void> {
  const { context, reader, request, response } = call;
  const { after } = request.query;
  const state = EVENT_STATES.find((each) => each === request.query['state']);
  const rows = await listStripeEvents(context.sql, {
    state,
    startingAfter: typeof after === 'string' ? after : undefined,
    limit: EVENTS_PER_PAGE + 1,
  });
  const shown = rows.slice(0, EVENTS_PER_PAGE);
  const filter = state === undefined ? '' : `&state=${state}`;
  const older = rows.length > EVENTS_PER_PAGE ? `/ops/events?after=${shown.at(-1)!.id}${filter}` : null;
  html(response, <EventsPage reader={reader} events={shown} state={state} older={older} notice={noticeOf(request)} problem={problem} />, problem === undefined ? 200 : 409); // prettier-ignore
}

async function replay(call: PageCall): Promise<void> {
  const { context, caller, request, response } = call;
  const id = String(request.params['id']);
  const once = { caller, route: `PAGE /ops/events/${id}/replay`, key: commandKeyOf(request), body: {} };
  const result = await answered<object>(() =>
    runOnce(context, once, {}, async () => {
      if ((await findStripeEvent(context.sql, id)) === null) throw notFound('event');
      if ((await replayStripeEvent(context.sql, id, context.settings.mode === 'live')) === null)
        throw new Problem('event_quarantined');
      return { status: 200, body: {} };
    }),
  );
  if (result.kind === 'done') seeOther(response, '/ops/events', 'replayed');
  else await events(call, result.problem.detail);
}
