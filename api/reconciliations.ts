// Starting a reconciliation and asking for a repair: the same for the API and for the pages.
import { newId } from '../db/ids.ts';
import { changeDifference, type DifferenceRow, findDifference, findRun, insertRun } from '../db/reconciliation.ts';
import type { Repair } from '../domain/reconciliation.ts';
import { reconciliationWorkflowId } from '../workflows/reconciliation-messages.ts';
import { type ApprovalAsked, type Asked, askSecondPerson } from './approvals.ts';
import { runOnce } from './commands.ts';
import type { Answer, AppContext, Caller } from './context.ts';
import { notFound } from './escrow-commands.ts';
import { Problem } from './problem.ts';
import { runView, statusOf } from './reconciliation-view.ts';

interface Request {
  caller: Caller;
  route: string;
  key: string;
  body: unknown;
}

/** Starts a run now. A repetition of the same call finds the same run. */
export function startReconciliation(
  context: AppContext,
  request: Request,
  { days, settleMs }: { days: number; settleMs: number },
): Promise<Answer> {
  return runOnce(context, request, { runId: newId('reconciliation') }, async (ids) => {
    const runId = ids['runId']!;
    const now = Date.now();
    const workflowId = reconciliationWorkflowId(runId);
    const run = await insertRun(context.sql, {
      id: runId,
      workflowId,
      trigger: 'person',
      requestedBy: request.caller.person.id,
      from: new Date(now - days * 86_400_000),
      to: new Date(now),
    });
    try {
      await context.workflows.startReconciliation({ runId, days, settleMs });
    } catch (error) {
      throw new Problem('outcome_unknown', undefined, { headers: { 'Retry-After': '1' }, cause: error });
    }
    return { status: 201, body: runView(run) };
  });
}

/** 202 with the approval that another of ops decides; the difference says that it was asked for. */
export async function askRepair(
  context: AppContext,
  request: Request,
  of: { runId: string; n: number },
  { repair, reason }: { repair: Repair; reason: string },
): Promise<Answer> {
  const { sql } = context;
  const d = await findDifference(sql, of.runId, of.n);
  if (d === null) throw notFound((await findRun(sql, of.runId)) === null ? 'reconciliation' : 'difference');
  const asked: Asked = {
    kind: 'reconciliation_repair',
    escrowId: d.escrow_id,
    params: {
      run_id: of.runId,
      n: of.n,
      difference: d.kind,
      subject: d.subject,
      repair,
      amount: d.amount === null ? null : Number(d.amount),
      currency: d.currency,
      reason,
    },
  };
  const answer = await askSecondPerson(context, request, asked, () => refuseRepair(d, repair));
  if (answer.status === 202) {
    await changeDifference(sql, of, { approval_id: (answer.body as ApprovalAsked).approval.id });
  }
  return answer;
}

function refuseRepair(d: DifferenceRow, repair: Repair): void {
  const status = statusOf(d);
  if (status !== 'open') {
    throw new Problem('action_not_available', `This difference is ${status === 'asked' ? `asked about already: approval ${d.approval_id}` : 'repaired'}.`, { extra: { available_actions: [] } }); // prettier-ignore
  }
  if (d.repairs.includes(repair)) return;
  throw new Problem('action_not_available', `A difference of kind ${d.kind} is repaired by ${d.repairs.join(' or ')}.`, { param: 'repair', extra: { available_actions: d.repairs } }); // prettier-ignore
}
