// /ops/debts: the list, one debt, its repayment and the request to write it off.
import { Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { notFound } from '../../api/escrow-commands.ts';
import { DEBT_STATUSES, findDebt, listDebts, takenOff } from '../../db/debts.ts';
import { parseAmount } from '../format.ts';
import { commandKeyOf, field, html, noticeOf, type PageCall, seeOther, signedIn } from '../page.ts';
import { giveRoute } from '../page-commands.ts';
import { DebtPage, DebtsPage } from '../pages/debts.tsx';
import { namesOf } from '../reads.ts';

const STAFF = ['ops', 'auditor'] as const;
const PER_PAGE = 50;

export function debtRoutes(context: AppContext): Router {
  const router = Router();
  router.get('/ops/debts', signedIn(context, STAFF, list));
  router.get(
    '/ops/debts/:id',
    signedIn(context, STAFF, (call) => show(call)),
  );
  router.post('/ops/debts/:id/repay', signedIn(context, ['ops'], repay));
  router.post('/ops/debts/:id/write-off', signedIn(context, ['ops'], writeOff));
  return router;
}

async function list({ context, reader, request, response }: PageCall): Promise<void> {
  const { after, seller } = request.query;
  const status = DEBT_STATUSES.find((each) => each === request.query['status']);
  const sellerId = typeof seller === 'string' && seller !== '' ? seller : undefined;
  const startingAfter = typeof after === 'string' ? after : undefined;
  const rows = await listDebts(context.sql, { status, sellerId, startingAfter, limit: PER_PAGE + 1 });
  const debts = rows.slice(0, PER_PAGE);
  const names = await namesOf(context.sql, [...debts.map((d) => d.seller_id), sellerId]);
  const filters = new URLSearchParams({ ...(status === undefined ? {} : { status }), ...(sellerId === undefined ? {} : { seller: sellerId }), after: debts.at(-1)?.id ?? '' }); // prettier-ignore
  html(response, <DebtsPage reader={reader} debts={debts} names={names} status={status} seller={sellerId} older={rows.length > PER_PAGE ? `/ops/debts?${filters.toString()}` : null} />); // prettier-ignore
}

const idOf = ({ request }: PageCall): string => String(request.params['id']);

async function show(call: PageCall, problem?: string): Promise<void> {
  const { context, reader, request, response } = call;
  const debt = await findDebt(context.sql, idOf(call));
  if (debt === null) throw notFound('debt');
  const [taken, names] = await Promise.all([takenOff(context.sql, [debt.id]), namesOf(context.sql, [debt.seller_id])]);
  const typed = Object.fromEntries(['amount', 'reference', 'reason'].map((name) => [name, field(request, name)]));
  html(response, <DebtPage reader={reader} debt={debt} taken={taken} names={names} notice={noticeOf(request)} problem={problem} typed={typed} />, problem === undefined ? 200 : 422); // prettier-ignore
}

async function repay(call: PageCall): Promise<void> {
  const { context, request, response } = call;
  const debt = await findDebt(context.sql, idOf(call));
  if (debt === null) throw notFound('debt');
  const text = field(request, 'amount');
  const amount = text === undefined ? undefined : parseAmount(text, debt.currency);
  if (amount === null) return show(call, `“${text}” is not an amount in ${debt.currency.toUpperCase()}.`);
  const given = { amount, reference: field(request, 'reference') };
  const result = await giveRoute(call, 'repayDebt', { id: debt.id }, given, commandKeyOf(request));
  if (result.kind === 'refused') return show(call, result.problem.detail);
  seeOther(response, `/ops/debts/${debt.id}`, 'repaid');
}

async function writeOff(call: PageCall): Promise<void> {
  const { request, response } = call;
  const given = { reason: field(request, 'reason') };
  const result = await giveRoute(call, 'writeOffDebt', { id: idOf(call) }, given, commandKeyOf(request));
  if (result.kind === 'refused') return show(call, result.problem.detail);
  seeOther(response, `/ops/debts/${idOf(call)}`, 'approval_asked');
}
