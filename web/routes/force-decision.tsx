// /ops/escrows/<id>/force-decision: deciding over money that was held for too long, by two people of ops.
import { Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { commandKeyOf, escrowOf, field, html, type PageCall, seeOther, signedIn } from '../page.ts';
import { giveRoute } from '../page-commands.ts';
import { ForceDecisionPage } from '../pages/force-decision.tsx';

export function forceDecisionRoutes(context: AppContext): Router {
  const router = Router();
  router.get(
    '/ops/escrows/:id/force-decision',
    signedIn(context, ['ops'], (call) => show(call)),
  );
  router.post('/ops/escrows/:id/force-decision', signedIn(context, ['ops'], ask));
  return router;
}

async function show(call: PageCall, problem?: string): Promise<void> {
  const { reader, request, response, context } = call;
  const typed = Object.fromEntries(['milestone_id', 'decision', 'reason'].map((name) => [name, field(request, name)]));
  const { platformCountry } = context.settings;
  html(response, <ForceDecisionPage reader={reader} record={await escrowOf(call)} country={platformCountry} typed={typed} problem={problem} />, problem === undefined ? 200 : 409); // prettier-ignore
}

async function ask(call: PageCall): Promise<void> {
  const { request, response } = call;
  const { id } = (await escrowOf(call)).state;
  const given = {
    milestone_id: field(request, 'milestone_id'),
    decision: field(request, 'decision'),
    reason: field(request, 'reason'),
  };
  const result = await giveRoute(call, 'forceDecision', { id }, given, commandKeyOf(request));
  if (result.kind === 'refused') return show(call, result.problem.detail);
  seeOther(response, `/escrows/${id}`, 'approval_asked');
}
