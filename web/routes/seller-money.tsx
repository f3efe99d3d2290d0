// /money: a seller's money, payouts with their settlement, and asking for another payout schedule.
import { Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { notFound } from '../../api/escrow-commands.ts';
import { scheduleRequests } from '../../db/approvals.ts';
import { listDebts, takenOff } from '../../db/debts.ts';
import { listEscrows } from '../../db/escrows.ts';
import { findPayout, listPayouts, type Payout } from '../../db/payouts.ts';
import { findSeller, sellerBalances, sellerTotals } from '../../db/sellers.ts';
import { isEscrowEnd } from '../../domain/escrow-state.ts';
import { commandKeyOf, field, html, noticeOf, type PageCall, seeOther, signedIn } from '../page.ts';
import { giveRoute } from '../page-commands.ts';
import { SellerMoneyPage, SettlementPage, type SettlementLine } from '../pages/seller-money.tsx';
import { escrowsOfTransfers } from '../reads.ts';

const ESCROWS = 100;
const ROWS = 50;

export function sellerMoneyRoutes(context: AppContext): Router {
  const router = Router();
  router.get(
    '/money',
    signedIn(context, ['seller'], (call) => show(call)),
  );
  router.post('/money/payout-schedule', signedIn(context, ['seller'], askSchedule));
  router.get('/money/payouts/:id', signedIn(context, ['seller'], settlement));
  return router;
}

async function show(call: PageCall, problem?: string): Promise<void> {
  const { context, viewer, reader, request, response } = call;
  const { sql } = context;
  const [seller, balances, totals, escrows, debts, payouts, requests] = await Promise.all([
    findSeller(sql, viewer.id),
    sellerBalances(sql, viewer.id),
    sellerTotals(sql, viewer.id),
    listEscrows(sql, viewer, { role: 'seller', limit: ESCROWS }),
    listDebts(sql, { sellerId: viewer.id, limit: ROWS }),
    listPayouts(sql, viewer.id, { limit: ROWS }),
    scheduleRequests(sql, viewer.id, 3),
  ]);
  const taken = await takenOff(sql, debts.map((d) => d.id)); // prettier-ignore
  const typed = Object.fromEntries(['interval', 'weekly_anchor', 'monthly_anchor'].map((name) => [name, field(request, name)])); // prettier-ignore
  html(
    response,
    <SellerMoneyPage
      reader={reader}
      seller={seller}
      balances={balances}
      totals={totals}
      escrows={escrows.data.filter((e) => !isEscrowEnd(e.state.status))}
      debts={debts}
      taken={taken}
      payouts={payouts.slice(0, ROWS)}
      requests={requests}
      typed={typed}
      notice={noticeOf(request)}
      problem={problem}
    />,
    problem === undefined ? 200 : 422,
  );
}

async function askSchedule(call: PageCall): Promise<void> {
  const { viewer, request, response } = call;
  const interval = field(request, 'interval');
  const given = {
    interval,
    ...(interval === 'weekly' ? { weekly_anchor: field(request, 'weekly_anchor') } : {}),
    ...(interval === 'monthly' ? { monthly_anchor: Number(field(request, 'monthly_anchor')) } : {}),
  };
  const result = await giveRoute(call, 'changePayoutSchedule', { id: viewer.id }, given, commandKeyOf(request));
  if (result.kind === 'refused') return show(call, result.problem.detail);
  seeOther(response, '/money', 'schedule_asked');
}

async function settlement(call: PageCall): Promise<void> {
  const { context, viewer, reader, request, response } = call;
  const payout = await findPayout(context.sql, viewer.id, String(request.params['id']));
  if (payout === null) throw notFound('payout');
  html(response, <SettlementPage reader={reader} payout={payout} lines={await linesOf(call, payout)} />);
}

/** Stripe is asked at the moment when somebody looks; null where it does not answer. */
async function linesOf({ context, viewer }: PageCall, payout: Payout): Promise<SettlementLine[] | null> {
  const seller = await findSeller(context.sql, viewer.id);
  if (seller === null) return null;
  try {
    const rows = await context.payments.listPayoutTransactions(payout.id, seller.stripeAccountId);
    // The payout's own line is not a part of what it is made of.
    const parts = rows.filter((bt) => bt.sourceId !== payout.id);
    const escrows = await escrowsOfTransfers(context.sql, parts.flatMap((bt) => bt.transferId ?? [])); // prettier-ignore
    return parts.map((bt) => ({
      id: bt.id,
      type: bt.type,
      amount: bt.amountMinor,
      fee: bt.feeMinor,
      net: bt.netMinor,
      currency: bt.currency,
      at: new Date(bt.createdAt),
      source: bt.sourceId,
      escrow: (bt.transferId === null ? undefined : escrows.get(bt.transferId)) ?? null,
    }));
  } catch (error) {
    context.logger.warn({ err: error, payout_id: payout.id }, 'what a payout is made of could not be read');
    return null;
  }
}
