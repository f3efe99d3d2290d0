// POST …/refund: of held money it is the escrow's command; of released money it is workflow refund/<id>, asked by one side and
// confirmed by the other's same call.
import type { z } from 'zod';
import { disputeHolds } from '../db/card-disputes.ts';
import type { Tx } from '../db/client.ts';
import { type EscrowRecord, findEscrow, principalOn } from '../db/escrows.ts';
import { newId } from '../db/ids.ts';
import { findRecovery, openQuestion, type Recovery, releasedLeft } from '../db/recoveries.ts';
import { freezesOver, type MilestoneState, type Principal } from '../domain/escrow-state.ts';
import { plainMoney, toInteger } from '../domain/money.ts';
import type { ReleasedRefundWord } from '../workflows/refund-messages.ts';
import { approvalLimit } from '../config/settings.ts';
import { askSecondPerson, RELEASED_REFUND } from './approvals.ts';
import type * as bodies from './bodies.ts';
import { runOnce } from './commands.ts';
import type { Answer, AppContext, Caller } from './context.ts';
import { commandEscrow, inputs, viewerOf } from './escrow-commands.ts';
import { actionsOf, escrowView } from './escrow-view.ts';
import { Problem } from './problem.ts';
import { releasedRefundOrder } from './released-refund-order.ts';

interface RefundCallOf {
  escrowId: string;
  milestoneId: string;
  route: string;
  key: string;
  body: z.output<typeof bodies.refund>;
}

/** A milestone at its end from which something was released; the last of it may be on its way back. */
export const afterRelease = (m: MilestoneState): boolean =>
  ['released', 'recovering', 'refunded'].includes(m.status) && m.releases.some((r) => r.status === 'released');

export async function refundMilestone(context: AppContext, caller: Caller, call: RefundCallOf): Promise<Answer> {
  const { escrowId, milestoneId, route, key, body } = call;
  const record = await findEscrow(context.sql, viewerOf(caller), escrowId);
  const milestone = record?.state.milestones.find((m) => m.id === milestoneId);
  if (!record || !milestone || !afterRelease(milestone)) {
    return commandEscrow(context, caller, { escrowId, name: 'refund', route, key, body, input: inputs.refund(milestoneId, body) }); // prettier-ignore
  }
  const question = await openQuestion(context.sql, escrowId, milestoneId);
  // Which of the two it is stands in the idempotency row: a repetition must not turn from an answer into a question.
  const answers = question !== null && question.asked_role !== principalOf(caller, record)?.role;
  const second = await secondPerson(context, caller, call, record, milestone, question);
  if (second !== null) return second;
  const ids = { refundId: newId('refund'), answers: answers ? question.id : '' };
  return runOnce(context, { caller, route, key, body }, ids, async (kept) => {
    const principal = mayRefund(caller, record, milestone);
    const word = kept['answers']
      ? await confirm(context, caller, call, principal, kept['answers'], question, record)
      : await ask(context, caller, call, principal, kept['refundId']!, record);
    refuseWhere(word, record, caller);
    const after = await findEscrow(context.sql, viewerOf(caller), escrowId);
    return { status: 200, body: escrowView(after!, { viewer: viewerOf(caller), settings: context.settings }) };
  });
}

export const principalOf = (caller: Caller, record: EscrowRecord): Principal | null =>
  principalOn(record.state, viewerOf(caller));

export const unavailable = (record: EscrowRecord, caller: Caller, message: string): Problem =>
  new Problem('action_not_available', message, {
    extra: { available_actions: actionsOf(record.state, viewerOf(caller), Date.now()).all },
  });

export function mayRefund(caller: Caller, record: EscrowRecord, m: MilestoneState): Principal {
  const principal = principalOf(caller, record);
  if (principal === null) throw unavailable(record, caller, 'You may read this escrow, and do nothing to it.');
  if (principal.role === 'seller' && m.sellerId !== principal.id) {
    throw unavailable(record, caller, 'This milestone belongs to another seller.');
  }
  const freezes = freezesOver(record.state, m);
  if (freezes.length > 0) {
    throw unavailable(record, caller, `This milestone is frozen (${freezes.map((f) => f.reason.replaceAll('_', ' ')).join(', ')}).`); // prettier-ignore
  }
  return principal;
}

async function confirm(
  context: AppContext,
  caller: Caller,
  { key, body }: RefundCallOf,
  by: Principal,
  refundId: string,
  question: Recovery | null,
  { state }: EscrowRecord,
): Promise<ReleasedRefundWord> {
  if (question !== null && body.amount !== undefined && BigInt(body.amount) !== question.amount) {
    throw new Problem('amount_invalid', `The other side asked for a refund of ${plainMoney(question.amount, state.terms.currency)}: confirm exactly that, or leave amount out.`, { param: 'amount' }); // prettier-ignore
  }
  return context.workflows.confirmReleasedRefund(refundId, { by, amount: body.amount }, `${caller.ownerId}:${key}`);
}

async function ask(
  context: AppContext,
  caller: Caller,
  { escrowId, milestoneId, body }: RefundCallOf,
  by: Principal,
  refundId: string,
  record: EscrowRecord,
): Promise<ReleasedRefundWord> {
  // Its own first try, whose answer was lost, may have taken the amount already: then it is joined, not measured again. Measured
  // first, because that try may be taking it at this moment.
  const measured = await leftOf(context, { escrowId, milestoneId });
  const left = (await findRecovery(context.sql, refundId))?.amount ?? measured;
  const amount = body.amount ?? toInteger(left);
  refuseAmount(caller, record, amount, left);
  const order = { escrowId, milestoneId, amount, reason: body.reason };
  return context.workflows.askReleasedRefund(releasedRefundOrder(record.state, order, by, refundId));
}

const leftOf = ({ sql }: AppContext, of: { escrowId: string; milestoneId: string }): Promise<bigint> =>
  sql.begin((tx) => releasedLeft(tx as Tx, of.escrowId, of.milestoneId));

/** @throws Problem where it is nothing, or more than is left */
export function refuseAmount(caller: Caller, record: EscrowRecord, amount: number, left: bigint): void {
  if (left === 0n) throw unavailable(record, caller, 'Nothing of this milestone is left to refund.');
  if (!Number.isSafeInteger(amount) || amount <= 0) {
    throw new Problem('amount_invalid', 'amount must be a whole number of minor units above zero.', { param: 'amount' }); // prettier-ignore
  }
  if (BigInt(amount) <= left) return;
  const { currency } = record.state.terms;
  throw new Problem('amount_invalid', `Only ${plainMoney(left, currency)} of what was released is left.`, { param: 'amount' }); // prettier-ignore
}

/** Ops over their limit: 202, and another of ops decides. Null: it needs nobody else. */
async function secondPerson(
  context: AppContext,
  caller: Caller,
  { escrowId, milestoneId, route, key, body }: RefundCallOf,
  record: EscrowRecord,
  m: MilestoneState,
  question: Recovery | null,
): Promise<Answer | null> {
  if (caller.person.role !== 'ops') return null;
  const { currency } = record.state.terms;
  const asked = body.amount ?? (question === null ? undefined : toInteger(question.amount));
  const whole = m.releases.filter((r) => r.status === 'released').reduce((sum, r) => sum + r.amount, 0);
  // Without an amount it is at most all that was released, which needs no look at what is left of it.
  if (BigInt(asked ?? whole) <= approvalLimit(context.settings, 'refund', currency)) return null;
  const left = await leftOf(context, { escrowId, milestoneId });
  const amount = asked ?? toInteger(left);
  const disputed = m.funds !== null && (await disputeHolds(context.sql, m.funds.chargeId));
  const params = { command: RELEASED_REFUND, escrow_id: escrowId, milestone_id: milestoneId, amount, currency, reason: body.reason }; // prettier-ignore
  return askSecondPerson(context, { caller, route, key, body }, { kind: 'refund', escrowId, params }, () => {
    mayRefund(caller, record, m);
    if (disputed) throw unavailable(record, caller, DISPUTED);
    refuseAmount(caller, record, amount, left);
  });
}

/** Also where the escrow has ended and shows no freeze any more: the buyer would get the same money twice. */
export const DISPUTED =
  'The buyer’s bank disputes this payment: nothing that was paid out of it goes back until the bank has decided. Ask again then.';

export const ASKED = 'You have asked for a refund of this milestone; the other side has not answered yet.';

function refuseWhere(word: ReleasedRefundWord, record: EscrowRecord, caller: Caller): void {
  if (word.status === 'refused' && word.disputed) throw unavailable(record, caller, DISPUTED);
  if (word.status === 'refused' && word.otherAsked) {
    throw unavailable(record, caller, ASKED);
  }
  if (word.status === 'refused') {
    const left = plainMoney(word.left ?? 0, record.state.terms.currency);
    throw unavailable(record, caller, `Another refund took it: ${left} of what was released is left.`);
  }
  if (word.status === 'lapsed') throw unavailable(record, caller, 'This request has lapsed: ask again.');
}
