// Four eyes: what asks for a second person, the request that waits for one, and carrying out exactly what was requested,
// once, however often it is approved or repeated.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { approvalLimit, type Settings } from '../config/settings.ts';
import {
  type Approval,
  type ApprovalKind,
  type ApprovalParams,
  APPROVAL_KINDS,
  APPROVAL_STATUSES,
  conclude,
  decide,
  expireApprovals,
  findApproval,
  isIntact,
  requestApproval,
  stuckApprovals,
} from '../db/approvals.ts';
import { isDisputeOf } from '../db/disputes.ts';
import { record } from '../db/audit.ts';
import type { Tx } from '../db/client.ts';
import { openRest, writeOff } from '../db/debts.ts';
import { findEscrow } from '../db/escrows.ts';
import { payByBank } from '../db/failed-refunds.ts';
import { newId } from '../db/ids.ts';
import { project } from '../db/projection.ts';
import { RuleError } from '../domain/errors.ts';
import { type EscrowState, openAmount, type Principal } from '../domain/escrow-state.ts';
import { DAY_MS } from '../domain/periods.ts';
import { PaymentsError } from '../payments/errors.ts';
import type { PayoutSchedule } from '../payments/port.ts';
import type { EscrowCommandName, EscrowCommands } from '../workflows/messages.ts';
import { type CommandContext, type CommandRequest, runOnce } from './commands.ts';
import type { Answer, Caller } from './context.ts';
import { Problem } from './problem.ts';
import { runRepair, settleRepair } from './reconciliation-repair.ts';
import { releasedRefundOrder } from './released-refund-order.ts';
import type { EscrowCommand, Outcome } from './workflow-port.ts';

/** Long enough for a weekend. */
const LIFE_MS = 3 * DAY_MS;
/** Longer than a command takes: then whoever approved it did not live to carry it out. */
const STUCK_MS = 30_000;

/** The command of an approved refund after release. */
export const RELEASED_REFUND = 'refundReleased';
/** The command of an approved bank transfer for a refund that Stripe could not bring. */
export const FAILED_REFUND_BY_BANK = 'payFailedRefundByBank';

const instant = z.iso.datetime();
export const approvalSchema = z
  .object({
    id: z.string().describe('Id of the approval (apr_…).'),
    object: z.literal('approval'),
    kind: z.enum(APPROVAL_KINDS),
    status: z.enum(APPROVAL_STATUSES),
    params: z.record(z.string(), z.union([z.string(), z.number(), z.null()])).describe('Exactly what would be done.'),
    params_hash: z.string(),
    escrow_id: z.string().nullable(),
    requested_by: z.string(),
    approved_by: z.string().nullable(),
    denied_by: z.string().nullable(),
    outcome: z.record(z.string(), z.union([z.string(), z.number(), z.null()])).nullable(),
    expires_at: instant,
    created_at: instant,
    decided_at: instant.nullable(),
  })
  .meta({ id: 'Approval' });

/** The answer 202 of whatever needs a second person. */
export const approvalAsked = z.object({
  approval: z.object({ id: z.string(), status: z.enum(APPROVAL_STATUSES), expires_at: instant }),
});

export type ApprovalAsked = z.infer<typeof approvalAsked>;

export const approvalView = (a: Approval): z.infer<typeof approvalSchema> => ({
  id: a.id,
  object: 'approval',
  kind: a.kind,
  status: a.status,
  params: a.params,
  params_hash: a.params_hash,
  escrow_id: a.escrow_id,
  requested_by: a.requested_by,
  approved_by: a.approved_by,
  denied_by: a.denied_by,
  outcome: a.outcome,
  expires_at: a.expires_at.toISOString(),
  created_at: a.created_at.toISOString(),
  decided_at: a.decided_at?.toISOString() ?? null,
});

export interface Asked {
  kind: ApprovalKind;
  params: ApprovalParams;
  escrowId: string | null;
}

/** What of ops' commands asks for a second person; null: it is done at once. */
export function secondPersonFor(
  settings: Settings,
  state: EscrowState,
  principal: Principal,
  name: EscrowCommandName,
  input: object,
): Asked | null {
  if (principal.role !== 'ops') return null;
  const { currency } = state.terms;
  const escrowId = state.id;
  const over = (kind: 'refund' | 'ruling' | 'release', amount: number) =>
    BigInt(amount) > approvalLimit(settings, kind, currency);
  const { milestoneId } = input as { milestoneId?: string };
  const m = state.milestones.find((x) => x.id === milestoneId);
  if (name === 'cancel' && state.status === 'active') {
    const { reason } = input as { reason?: string };
    return { kind: 'cancel', escrowId, params: { command: name, escrow_id: escrowId, reason: reason ?? '' } };
  }
  if (name === 'refund' && m) {
    const { amount: asked, reason } = input as { amount?: number; reason: string };
    const amount = asked ?? m.refundRequest?.amount ?? openAmount(m);
    if (!over('refund', amount)) return null;
    return { kind: 'refund', escrowId, params: { command: name, escrow_id: escrowId, milestone_id: m.id, amount, currency, reason } }; // prettier-ignore
  }
  if (name === 'forceRelease' && m) {
    const { amount, reason } = input as EscrowCommands['forceRelease'];
    if (!over('release', amount)) return null;
    return { kind: 'release', escrowId, params: { command: name, escrow_id: escrowId, milestone_id: m.id, amount, currency, delivered: 'yes', reason } }; // prettier-ignore
  }
  if (name === 'rule' && m?.dispute) {
    const { sellerAmount, reason } = input as EscrowCommands['rule'];
    const { id, amount } = m.dispute;
    if (!over('ruling', amount)) return null;
    return { kind: 'ruling', escrowId, params: { command: name, escrow_id: escrowId, milestone_id: m.id, dispute_id: id, amount, seller_amount: sellerAmount, currency, reason } }; // prettier-ignore
  }
  return null;
}

/** 202 with the approval that waits for a second person. */
export function askSecondPerson(
  context: CommandContext,
  request: Omit<CommandRequest, 'command'>,
  asked: Asked,
  /** Throws where the state forbids it already; not asked again of a repetition. */
  refuse: () => void,
): Promise<Answer> {
  const { person } = request.caller;
  return runOnce(context, request, { approvalId: newId('approval') }, async (ids) => {
    refuse();
    const approval = await context.sql.begin(async (tx) => {
      const made = await requestApproval(tx, {
        id: ids['approvalId']!,
        entityId: person.entityId,
        kind: asked.kind,
        params: asked.params,
        escrowId: asked.escrowId,
        requestedBy: person.id,
        lifeMs: LIFE_MS,
      });
      if (made.id === ids['approvalId']) await audit(tx, made, 'approval.requested', { id: person.id, role: person.role }); // prettier-ignore
      return made;
    });
    const { id, status, expires_at } = approvalView(approval);
    return { status: 202, body: { approval: { id, status, expires_at } } };
  });
}

/** Another of ops decides; approving carries it out. Safe to repeat by the one who approved. */
export async function decideApproval(
  context: CommandContext,
  { person }: Caller,
  id: string,
  decision: 'approved' | 'denied',
  hash: string | undefined,
): Promise<Answer> {
  const known = await findApproval(context.sql, id, person.entityId);
  if (known === null) throw new Problem('not_found', 'There is no such approval.');
  if (known.requested_by === person.id) {
    throw new Problem('forbidden', 'You asked for this: another person of ops decides it.');
  }
  if (!person.approver) {
    throw new Problem(
      'forbidden',
      'You may ask for such things and not decide them: somebody of ops who approves does.',
    );
  }
  if (!isIntact(known) || (hash !== undefined && hash !== known.params_hash)) {
    throw new Problem('approval_changed');
  }
  const mine = known.status === 'approved' && known.approved_by === person.id && decision === 'approved';
  const decided = mine
    ? known
    : await context.sql.begin(async (tx) => {
        const row = await decide(tx, id, person.id, decision);
        if (row !== null) await audit(tx, row, `approval.${decision}`, { id: person.id, role: person.role });
        return row;
      });
  if (decided === null) {
    const now = (await findApproval(context.sql, id, person.entityId))!;
    const late = now.status === 'pending' || now.status === 'expired';
    throw new Problem('approval_closed', late ? `This request expired at ${now.expires_at.toISOString()}: ask again.` : `This request is ${now.status} already.`); // prettier-ignore
  }
  const after = decision === 'approved' ? await carryOut(context, decided) : decided;
  return { status: 200, body: approvalView(after) };
}

/** Does what was approved, under keys of the approval's own: a second run finds the first one's effect. */
async function carryOut(context: CommandContext, approval: Approval): Promise<Approval> {
  if (!isIntact(approval)) throw new Problem('approval_changed');
  const done = await run(context, approval);
  const after = done ?? (await context.sql.begin((tx) => findRow(tx, approval.id)));
  context.logger.info({ approval_id: approval.id, kind: approval.kind, status: after.status }, 'approval carried out');
  return after;
}

async function findRow(tx: Parameters<typeof findApproval>[0], id: string): Promise<Approval> {
  const [row] = await tx<{ entity_id: string }[]>`SELECT entity_id FROM approvals WHERE id = ${id}`;
  return (await findApproval(tx, id, row!.entity_id))!;
}

async function run(context: CommandContext, approval: Approval): Promise<Approval | null> {
  switch (approval.kind) {
    case 'refund':
    case 'ruling':
    case 'release':
    case 'cancel':
    case 'force_decision':
      if (approval.params['command'] === RELEASED_REFUND) return runReleasedRefund(context, approval);
      if (approval.params['command'] === FAILED_REFUND_BY_BANK) return runPaidByBank(context, approval);
      return runOnEscrow(context, approval);
    case 'write_off':
      return runWriteOff(context, approval);
    case 'payout_schedule':
      return runPayoutSchedule(context, approval);
    case 'reconciliation_repair':
      return runReconciliationRepair(context, approval);
  }
}

/** The end of an approved request, in the log with who let it happen. */
async function concluded(
  tx: Tx,
  a: Approval,
  status: 'executed' | 'failed',
  outcome: Record<string, string | number | null>,
): Promise<Approval | null> {
  const after = await conclude(tx, a.id, status, outcome);
  if (after !== null) await audit(tx, after, `approval.${status}`, { id: after.approved_by!, role: 'ops' });
  return after;
}

function audit(tx: Tx, a: Approval, action: string, actor: { id: string; role: string } | null): Promise<void> {
  const { id, kind, escrow_id, params_hash, requested_by, approved_by } = a;
  return record(tx, {
    actor,
    action,
    subject: id,
    outcome: a.status,
    data: { kind, escrow_id, params_hash, requested_by, approved_by, amount: a.params['amount'] ?? null },
  });
}

async function runOnEscrow(context: CommandContext, approval: Approval): Promise<Approval | null> {
  const updateId = createHash('sha256').update(`approval:${approval.id}`).digest('hex');
  const { dispute_id: disputeId, milestone_id: milestoneId } = approval.params;
  if (disputeId !== undefined && !(await isDisputeOf(context.sql, milestoneId as string, disputeId as string))) {
    const detail = 'This is another dispute than the one that was to be ruled.';
    return context.sql.begin((tx) => concluded(tx, approval, 'failed', { code: 'refused', detail }));
  }
  let outcome: Outcome;
  try {
    outcome = await context.workflows.execute(commandOf(approval, updateId), updateId);
  } catch (error) {
    throw new Problem('outcome_unknown', undefined, { headers: { 'Retry-After': '1' }, cause: error });
  }
  return context.sql.begin(async (tx) => {
    if (outcome.kind === 'done') {
      await project(tx, outcome.result.snapshot);
      return concluded(tx, approval, 'executed', { status: outcome.result.snapshot.status });
    }
    const detail = outcome.kind === 'refused' ? outcome.refusal.message : outcome.kind === 'failed' ? outcome.message : 'The escrow has ended.'; // prettier-ignore
    return concluded(tx, approval, 'failed', { code: outcome.kind, detail });
  });
}

/** The command that the parameters name, given by the one who asked for it. */
function commandOf({ id, params, requested_by }: Approval, commandId: string): EscrowCommand {
  const principal: Principal = { id: requested_by, role: 'ops' };
  const milestoneId = params['milestone_id'] as string;
  const reason = params['reason'] as string;
  const by = { commandId, principal };
  const on = { ...by, milestoneId };
  const args = ((): EscrowCommand['args'] => {
    switch (params['command']) {
      case 'cancel':
        return { ...by, reason } satisfies EscrowCommands['cancel'];
      case 'refund':
        return { ...on, refundId: `rfd_${id.slice(4)}`, amount: params['amount'] as number, reason } satisfies EscrowCommands['refund']; // prettier-ignore
      case 'rule':
        return { ...on, sellerAmount: params['seller_amount'] as number, reason } satisfies EscrowCommands['rule'];
      case 'refundByBank':
        return { ...on, refundId: `rfd_${id.slice(4)}`, amount: params['amount'] as number, reason, reference: params['reference'] as string, approvalId: id } satisfies EscrowCommands['refundByBank']; // prettier-ignore
      case 'forceRefund':
        return { ...on, refundId: `rfd_${id.slice(4)}`, amount: params['amount'] as number, reason } satisfies EscrowCommands['forceRefund']; // prettier-ignore
      case 'forceRelease':
        return { ...on, amount: params['amount'] as number, delivered: params['delivered'] === 'yes', reason } satisfies EscrowCommands['forceRelease']; // prettier-ignore
      default:
        throw new Error(`approval ${id} names no command`);
    }
  })();
  return { escrowId: params['escrow_id'] as string, name: params['command'] as EscrowCommandName, args };
}

/** Ordered in workflow refund/<id>, whose id is the approval's: a second run joins the first. */
async function runReleasedRefund(context: CommandContext, approval: Approval): Promise<Approval | null> {
  const { id, params, requested_by } = approval;
  const [row] = await context.sql<{ entity_id: string }[]>`SELECT entity_id FROM approvals WHERE id = ${id}`;
  const by: Principal = { id: requested_by, role: 'ops' };
  const escrowId = params['escrow_id'] as string;
  const record = await findEscrow(context.sql, { ...by, entityId: row!.entity_id }, escrowId);
  if (record === null) throw new Error(`escrow ${escrowId} is gone`);
  const of = { escrowId, milestoneId: params['milestone_id'] as string, amount: params['amount'] as number, reason: params['reason'] as string }; // prettier-ignore
  const order = releasedRefundOrder(record.state, of, by, `rfd_${id.slice(4)}`);
  const word = await context.workflows.askReleasedRefund(order);
  return context.sql.begin((tx) =>
    word.status === 'refused'
      ? conclude(tx, id, 'failed', { code: 'refused', detail: word.disputed ? 'The buyer’s bank disputes this payment, and decides first: ask again then.' : `Only ${word.left ?? 0} minor units of what was released are left.` }) // prettier-ignore
      : conclude(tx, id, 'executed', { status: word.status, refund_id: word.refundId }),
  );
}

async function runWriteOff(context: CommandContext, approval: Approval): Promise<Approval | null> {
  const { id, params } = approval;
  try {
    return await context.sql.begin(async (tx) => {
      const debt = await writeOff(tx, params['debt_id'] as string, {
        approvalId: id,
        reason: params['reason'] as string,
      });
      if (debt === null)
        return concluded(tx, approval, 'failed', { code: 'not_found', detail: 'There is no such debt.' });
      if (debt.written_off !== BigInt(params['amount'] as number)) {
        throw new RuleError('amount_invalid', 'The open rest of this debt has changed since it was asked: ask again.');
      }
      return concluded(tx, approval, 'executed', { status: debt.status, open: Number(openRest(debt)) });
    });
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return context.sql.begin((tx) => concluded(tx, approval, 'failed', { code: error.code, detail: error.message }));
  }
}

async function runPaidByBank(context: CommandContext, approval: Approval): Promise<Approval | null> {
  const { id, params } = approval;
  const refundId = params['failed_refund_id'] as string;
  try {
    const done = await context.sql.begin(async (tx) => {
      await payByBank(tx, refundId, { approvalId: id, reference: params['reference'] as string });
      return concluded(tx, approval, 'executed', { status: 'paid_by_bank' });
    });
    await context.workflows.failedRefundSettled(refundId);
    return done;
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return context.sql.begin((tx) => concluded(tx, approval, 'failed', { code: error.code, detail: error.message }));
  }
}

async function runReconciliationRepair(context: CommandContext, approval: Approval): Promise<Approval | null> {
  const done = await runRepair(context, approval);
  return context.sql.begin(async (tx) => {
    await settleRepair(tx, approval, done);
    return concluded(tx, approval, done.ok ? 'executed' : 'failed', done.ok ? { repaired: done.what } : { code: done.code, detail: done.detail }); // prettier-ignore
  });
}

async function runPayoutSchedule(context: CommandContext, approval: Approval): Promise<Approval | null> {
  const { id, params } = approval;
  const schedule: PayoutSchedule = {
    interval: params['interval'] as PayoutSchedule['interval'],
    ...(params['weekly_anchor'] ? { weeklyAnchor: params['weekly_anchor'] as PayoutSchedule['weeklyAnchor'] } : {}),
    ...(params['monthly_anchor'] ? { monthlyAnchor: params['monthly_anchor'] as number } : {}),
  };
  try {
    await context.payments.updatePayoutSchedule(params['stripe_account_id'] as string, schedule, `approval:${id}`);
  } catch (error) {
    if (!(error instanceof PaymentsError)) throw error;
    if (error.kind !== 'refused') throw new Problem('payments_unavailable', undefined, { cause: error });
    return context.sql.begin((tx) => concluded(tx, approval, 'failed', { code: error.code, detail: error.message }));
  }
  return context.sql.begin((tx) => concluded(tx, approval, 'executed', { interval: schedule.interval }));
}

/** Lets what waited too long expire, and goes on with what was approved by somebody who died. Answers how many. */
export async function sweepApprovals(context: CommandContext): Promise<number> {
  const expired = await context.sql.begin(async (tx) => {
    const rows = await expireApprovals(tx);
    for (const row of rows) await audit(tx, row, 'approval.expired', null);
    return rows;
  });
  const stuck = await stuckApprovals(context.sql, STUCK_MS, 20);
  const results = await Promise.allSettled(stuck.map((approval) => carryOut(context, approval)));
  return expired.length + results.filter((result) => result.status === 'fulfilled').length;
}
