// /v1/ops/approvals: what waits for a second person, and their decision. And what never happens without one: a forced decision,
// a write-off.
import { z } from 'zod';
import { APPROVAL_STATUSES, listApprovals } from '../../db/approvals.ts';
import { findDebt, openRest } from '../../db/debts.ts';
import { principalOn } from '../../db/escrows.ts';
import { heldSince } from '../../db/movements.ts';
import { payableByBank } from '../../domain/allocation.ts';
import { blockedAmount, openAmount } from '../../domain/escrow-state.ts';
import { toInteger } from '../../domain/money.ts';
import { DAY_MS } from '../../domain/periods.ts';
import { holdingLimitMs } from '../../domain/policy.ts';
import {
  approvalAsked,
  approvalSchema,
  approvalView,
  type Asked,
  askSecondPerson,
  decideApproval,
} from '../approvals.ts';
import * as bodies from '../bodies.ts';
import { runOnce } from '../commands.ts';
import { milestoneOf, notFound, refuseUnlessPermitted } from '../escrow-commands.ts';
import { actionsOf } from '../escrow-view.ts';
import { Problem } from '../problem.ts';
import { route, STAFF } from '../route.ts';
import * as schemas from '../schemas.ts';

const params = z.object({ id: z.string() });
const tag = 'Approvals';
/** Before the limit itself: there must be time for the second person and for Stripe. */
const BEFORE_LIMIT_MS = 30 * DAY_MS;

const waits = { 202: { description: 'It waits for another of ops.', schema: approvalAsked } };

export const approvalRoutes = [
  route({
    method: 'get',
    path: '/v1/ops/approvals',
    operationId: 'listApprovals',
    tag,
    summary: 'What waits for a second person, newest first',
    roles: STAFF,
    query: bodies.page.extend({ status: z.enum(APPROVAL_STATUSES).optional() }),
    responses: { 200: { description: 'A page of approvals.', schema: schemas.listOf(approvalSchema) } },
    handler: async ({ context, caller, query }) => {
      const { status, starting_after: startingAfter, limit } = query;
      const rows = await listApprovals(context.sql, caller.person.entityId, {
        status,
        startingAfter,
        limit: limit + 1,
      });
      return { status: 200, body: { data: rows.slice(0, limit).map(approvalView), has_more: rows.length > limit } };
    },
  }),
  route({
    method: 'post',
    path: '/v1/ops/approvals/{id}/approve',
    operationId: 'approve',
    tag,
    summary: 'Approve, and carry it out',
    description:
      'By another person than the one who asked. Exactly the parameters of the request are carried out, once; name their `params_hash` to be sure of what you approve.',
    roles: ['ops'],
    params,
    body: bodies.decision,
    responses: { 200: { description: 'The approval, with its outcome.', schema: approvalSchema } },
    handler: ({ context, caller, params: { id }, body, key, route }) =>
      runOnce(context, { caller, route, key, body }, {}, () =>
        decideApproval(context, caller, id, 'approved', body.params_hash),
      ),
  }),
  route({
    method: 'post',
    path: '/v1/ops/approvals/{id}/deny',
    operationId: 'deny',
    tag,
    summary: 'Deny: nothing is done',
    roles: ['ops'],
    params,
    body: bodies.decision,
    responses: { 200: { description: 'The approval, denied.', schema: approvalSchema } },
    handler: ({ context, caller, params: { id }, body, key, route }) =>
      runOnce(context, { caller, route, key, body }, {}, () =>
        decideApproval(context, caller, id, 'denied', body.params_hash),
      ),
  }),
  route({
    method: 'post',
    path: '/v1/ops/escrows/{id}/refund-by-bank',
    operationId: 'refundByBank',
    tag,
    summary: 'The buyer was refunded by bank transfer',
    description:
      'What Stripe can refund no more, because the time of the payment’s method has passed or a bank has decided over it: a refund that was ordered and has the status `needs_bank`, or else all that is left of the milestone. It counts as refunded once another of ops has approved it. `params.to_pay` of the approval is what the buyer gets: with the fee that the terms give back. Always by two people of ops.',
    roles: ['ops'],
    params,
    body: bodies.refundByBank,
    responses: waits,
    handler: async ({ context, caller, params: { id }, body, key, route }) => {
      const { viewer, state, m } = await milestoneOf(context, caller, id, body.milestone_id);
      const { currency } = state.terms;
      const asked: Asked = {
        kind: 'refund',
        escrowId: id,
        params: {
          command: 'refundByBank',
          escrow_id: id,
          milestone_id: m.id,
          amount: body.amount,
          to_pay: payableByBank(m, state.terms.policy.feeReturn).toPay,
          currency,
          reference: body.reference,
          reason: body.reason,
        },
      };
      return askSecondPerson(context, { caller, route, key, body }, asked, () => {
        const args = { amount: body.amount };
        refuseUnlessPermitted(state, viewer, principalOn(state, viewer)!, 'refundByBank', m.id, args);
      });
    },
  }),
  route({
    method: 'post',
    path: '/v1/ops/escrows/{id}/force-decision',
    operationId: 'forceDecision',
    tag,
    summary: 'Decide over money that was held for too long',
    description:
      'From 30 days before the longest time that the platform may hold money. All that is left of the milestone is refunded or released, after another of ops approved it. What was accepted for a seller who never got verified can only be refunded.',
    roles: ['ops'],
    params,
    body: bodies.forceDecision,
    responses: waits,
    handler: async ({ context, caller, params: { id }, body, key, route }) => {
      const { viewer, state, m } = await milestoneOf(context, caller, id, body.milestone_id);
      const blocked = m.status === 'blocked_kyc';
      const amount = blocked ? blockedAmount(m) : openAmount(m);
      const since = m.funds === null ? null : await heldSince(context.sql, m.funds.paymentId);
      const name = body.decision === 'release' ? 'forceRelease' : blocked ? 'forceRefund' : 'refund';
      const asked: Asked = {
        kind: 'force_decision',
        escrowId: id,
        params: {
          command: name,
          escrow_id: id,
          milestone_id: m.id,
          amount,
          currency: state.terms.currency,
          reason: body.reason,
        },
      };
      return askSecondPerson(context, { caller, route, key, body }, asked, () => {
        const principal = principalOn(state, viewer)!;
        refuseUnlessPermitted(state, viewer, principal, name, m.id, { amount });
        const from =
          (since?.getTime() ?? Date.now()) + holdingLimitMs(context.settings.platformCountry) - BEFORE_LIMIT_MS;
        if (Date.now() < from) {
          throw new Problem('action_not_available', `A decision can be forced from ${new Date(from).toISOString()}, 30 days before this money was held for too long.`, { extra: { available_actions: actionsOf(state, viewer, Date.now()).all } }); // prettier-ignore
        }
      });
    },
  }),
  route({
    method: 'post',
    path: '/v1/ops/debts/{id}/write-off',
    operationId: 'writeOffDebt',
    tag,
    summary: 'Give up what a seller owes',
    description: 'Always by two people of ops. The platform bears the open rest (bad_debt).',
    roles: ['ops'],
    params,
    body: bodies.writeOff,
    responses: waits,
    handler: async ({ context, caller, params: { id }, body, key, route }) => {
      const debt = await findDebt(context.sql, id);
      if (debt === null) throw notFound('debt');
      const open = openRest(debt);
      const asked: Asked = {
        kind: 'write_off',
        escrowId: debt.escrow_id,
        params: {
          debt_id: id,
          seller_id: debt.seller_id,
          amount: toInteger(open),
          currency: debt.currency,
          reason: body.reason,
        },
      };
      return askSecondPerson(context, { caller, route, key, body }, asked, () => {
        if (open > 0n) return;
        throw new Problem('action_not_available', `This debt is ${debt.status.replaceAll('_', ' ')}: nothing of it is open.`, { extra: { available_actions: [] } }); // prettier-ignore
      });
    },
  }),
];
