// /ops/escrows/<id>/refund-by-bank: a refund that Stripe cannot make any more, paid by the platform's bank; by two of ops.
import { Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { payableByBank } from '../../domain/allocation.ts';
import { commandKeyOf, escrowOf, field, html, type PageCall, seeOther, signedIn } from '../page.ts';
import { giveRoute } from '../page-commands.ts';
import { RefundByBankPage } from '../pages/refund-by-bank.tsx';

export function refundByBankRoutes(context: AppContext): Router {
  const router = Router();
  router.get(
    '/ops/escrows/:id/refund-by-bank',
    signedIn(context, ['ops'], (call) => show(call)),
  );
  router.post('/ops/escrows/:id/refund-by-bank', signedIn(context, ['ops'], ask));
  return router;
}

async function show(call: PageCall, problem?: string): Promise<void> {
  const { reader, request, response } = call;
  const typed = Object.fromEntries(['milestone_id', 'reference', 'reason'].map((name) => [name, field(request, name)]));
  html(response, <RefundByBankPage reader={reader} record={await escrowOf(call)} typed={typed} problem={problem} />, problem === undefined ? 200 : 409); // prettier-ignore
}

async function ask(call: PageCall): Promise<void> {
  const { request, response } = call;
  const { id, milestones, terms } = (await escrowOf(call)).state;
  const chosen = milestones.find((m) => m.id === field(request, 'milestone_id'));
  const given = {
    milestone_id: field(request, 'milestone_id'),
    amount: chosen === undefined ? undefined : payableByBank(chosen, terms.policy.feeReturn).amount,
    reference: field(request, 'reference'),
    reason: field(request, 'reason'),
  };
  const result = await giveRoute(call, 'refundByBank', { id }, given, commandKeyOf(request));
  if (result.kind === 'refused') return show(call, result.problem.detail);
  seeOther(response, `/escrows/${id}`, 'approval_asked');
}
