// /ops/reconciliations: the runs, one run, a run started now, a repair asked for.
import { Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { notFound } from '../../api/escrow-commands.ts';
import { askRepair, startReconciliation } from '../../api/reconciliations.ts';
import { differencesOf, findRun, listRuns } from '../../db/reconciliation.ts';
import { REPAIRS } from '../../domain/reconciliation.ts';
import { commandKeyOf, field, html, noticeOf, type PageCall, seeOther, signedIn } from '../page.ts';
import { answered } from '../page-commands.ts';
import { ReconciliationPage, ReconciliationsPage } from '../pages/reconciliations.tsx';

const STAFF = ['ops', 'auditor'] as const;
const PER_PAGE = 50;
const HOME = '/ops/reconciliations';
const SETTLE_MS = 120_000;

export function reconciliationRoutes(context: AppContext): Router {
  const router = Router();
  router.get(
    HOME,
    signedIn(context, STAFF, (call) => list(call)),
  );
  router.post(HOME, signedIn(context, ['ops'], start));
  router.get(
    `${HOME}/:id`,
    signedIn(context, STAFF, (call) => show(call)),
  );
  router.post(`${HOME}/:id/differences/:n/repair`, signedIn(context, ['ops'], repair));
  return router;
}

async function list({ context, reader, request, response }: PageCall, problem?: string): Promise<void> {
  const { after } = request.query;
  const startingAfter = typeof after === 'string' ? after : undefined;
  const rows = await listRuns(context.sql, { startingAfter, limit: PER_PAGE + 1 });
  const runs = rows.slice(0, PER_PAGE);
  const older = rows.length > PER_PAGE ? `${HOME}?after=${runs.at(-1)!.id}` : null;
  html(response, <ReconciliationsPage reader={reader} runs={runs} older={older} notice={noticeOf(request)} problem={problem} />, problem === undefined ? 200 : 422); // prettier-ignore
}

async function start(call: PageCall): Promise<void> {
  const { context, caller, request, response } = call;
  const days = Number(field(request, 'days'));
  if (!Number.isInteger(days) || days < 1 || days > 90) return list(call, 'Days back is a whole number from 1 to 90.');
  const once = { caller, route: `PAGE ${HOME}`, key: commandKeyOf(request), body: { days } };
  const result = await answered<{ id: string }>(() => startReconciliation(context, once, { days, settleMs: SETTLE_MS })); // prettier-ignore
  if (result.kind === 'refused') return list(call, result.problem.detail);
  seeOther(response, `${HOME}/${result.body.id}`, 'reconciling');
}

async function show(call: PageCall, problem?: string): Promise<void> {
  const { context, reader, request, response } = call;
  const run = await findRun(context.sql, String(request.params['id']));
  if (run === null) throw notFound('reconciliation');
  const after = Number(request.query['after'] ?? 0);
  const rows = await differencesOf(context.sql, run.id, { after: Number.isInteger(after) ? after : 0, limit: PER_PAGE + 1 }); // prettier-ignore
  const differences = rows.slice(0, PER_PAGE);
  const more = rows.length > PER_PAGE ? `${HOME}/${run.id}?after=${differences.at(-1)!.n}` : null;
  html(response, <ReconciliationPage reader={reader} run={run} differences={differences} more={more} notice={noticeOf(request)} problem={problem} />, problem === undefined ? 200 : 422); // prettier-ignore
}

async function repair(call: PageCall): Promise<void> {
  const { context, caller, request, response } = call;
  const runId = String(request.params['id']);
  const n = Number(request.params['n']);
  const how = REPAIRS.find((each) => each === field(request, 'repair'));
  const reason = field(request, 'reason');
  if (how === undefined || reason === undefined) return show(call, 'Choose a repair and give a reason for it.');
  if (!Number.isInteger(n)) throw notFound('difference');
  const body = { repair: how, reason };
  const once = { caller, route: `PAGE ${HOME}/${runId}/differences/${n}/repair`, key: commandKeyOf(request), body };
  const result = await answered<object>(() => askRepair(context, once, { runId, n }, body));
  if (result.kind === 'refused') return show(call, result.problem.detail);
  seeOther(response, `${HOME}/${runId}`, 'approval_asked');
}
