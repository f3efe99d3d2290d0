// /ops/approvals: the queue of the second person.
import { Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { notFound } from '../../api/escrow-commands.ts';
import { APPROVAL_STATUSES, type Approval, findApproval, listApprovals } from '../../db/approvals.ts';
import { findEscrow } from '../../db/escrows.ts';
import { previewBody, previewEscrow } from '../../api/preview.ts';
import { formatMoney } from '../format.ts';
import { commandKeyOf, field, html, noticeOf, type PageCall, seeOther, signedIn } from '../page.ts';
import { giveRoute } from '../page-commands.ts';
import { ApprovalPage, ApprovalsPage } from '../pages/approvals.tsx';
import { namesOf } from '../reads.ts';

const STAFF = ['ops', 'auditor'] as const;
const PER_PAGE = 50;

export function approvalRoutes(context: AppContext): Router {
  const router = Router();
  router.get('/ops/approvals', signedIn(context, STAFF, list));
  router.get(
    '/ops/approvals/:id',
    signedIn(context, STAFF, (call) => show(call)),
  );
  for (const decision of ['approve', 'deny'] as const) {
    router.post(
      `/ops/approvals/:id/${decision}`,
      signedIn(context, ['ops'], (call) => decide(call, decision)),
    );
  }
  return router;
}

async function list({ context, viewer, reader, request, response }: PageCall): Promise<void> {
  const { after } = request.query;
  const status = APPROVAL_STATUSES.find((each) => each === request.query['status']);
  const rows = await listApprovals(context.sql, viewer.entityId, {
    status,
    startingAfter: typeof after === 'string' ? after : undefined,
    limit: PER_PAGE + 1,
  });
  const approvals = rows.slice(0, PER_PAGE);
  const names = await namesOf(context.sql, approvals.map((a) => a.requested_by)); // prettier-ignore
  const filter = status === undefined ? '' : `&status=${status}`;
  const older = rows.length > PER_PAGE ? `/ops/approvals?after=${approvals.at(-1)!.id}${filter}` : null;
  html(response, <ApprovalsPage reader={reader} approvals={approvals} status={status} names={names} older={older} notice={noticeOf(request)} />); // prettier-ignore
}

async function show(call: PageCall, problem?: string, status = 200): Promise<void> {
  const { context, viewer, reader, request, response } = call;
  const approval = await findApproval(context.sql, String(request.params['id']), viewer.entityId);
  if (approval === null) throw notFound('request');
  const { params, requested_by: by, approved_by: yes, denied_by: no } = approval;
  const names = await namesOf(context.sql, [by, yes, no, ...Object.values(params)]);
  const happens = approval.status === 'pending' ? await whatHappens(call, approval) : [];
  html(response, <ApprovalPage reader={reader} approval={approval} names={names} happens={happens} notice={noticeOf(request)} problem={problem} />, status); // prettier-ignore
}

/** The dry run of what waits, where there is one; sentences for the rest. */
async function whatHappens(call: PageCall, approval: Approval): Promise<string[]> {
  const { context, caller, viewer, reader } = call;
  const { params, escrow_id: escrowId } = approval;
  const money = (amount: unknown, currency: unknown) =>
    formatMoney(reader.locale, { amount: Number(amount), currency: String(currency) });
  const of = money(params['amount'] ?? 0, params['currency'] ?? 'usd');
  switch (params['command'] ?? approval.kind) {
    case 'refund':
    case 'rule':
    case 'cancel': {
      const record = escrowId === null ? null : await findEscrow(context.sql, viewer, escrowId);
      if (record === null) return [];
      const action = params['command'];
      const { milestone_id: milestone, amount, seller_amount: sellerAmount } = params;
      const body = previewBody.safeParse({
        action,
        ...(milestone === undefined ? {} : { milestone_id: milestone }),
        ...(action === 'rule' ? { seller_amount: sellerAmount } : amount === undefined ? {} : { amount }),
      });
      if (!body.success) return [];
      const { body: answer } = await previewEscrow(context, caller, record.state.id, body.data);
      return previewLines(answer as Preview, money);
    }
    case 'forceRelease':
      return [`${of} of what is held is released to the seller, less the fee.`];
    case 'refundByBank':
      return [`The buyer counts as paid ${money(params['to_pay'], params['currency'])} by bank transfer (${String(params['reference'])}), and the milestone as refunded. Stripe is not asked.`, 'See that the platform’s bank has sent it. It cannot be taken back.']; // prettier-ignore
    case 'refundReleased':
      return [`${of} of what was released is taken back from the seller and returned to the buyer; what the seller’s balance does not cover becomes a debt.`]; // prettier-ignore
    case 'write_off':
      return [`The seller owes ${of} no more. The platform bears it.`, 'It cannot be taken back.'];
    case 'payout_schedule':
      return ['Stripe pays this seller’s balance out on the new schedule from now on.', 'Make sure that it was the seller who asked: a thief would change this first.']; // prettier-ignore
    default:
      return [];
  }
}

interface Preview {
  allowed: boolean;
  refusal: { detail: string } | null;
  stripe_calls: { call: string; amount: { amount: number; currency: string } }[];
  waits: { amount: { amount: number; currency: string }; until: string | null }[];
}

function previewLines(p: Preview, money: (amount: unknown, currency: unknown) => string): string[] {
  if (!p.allowed) return [`It cannot be carried out now: ${p.refusal?.detail ?? 'the state forbids it'}`];
  const lines = p.stripe_calls.map(({ call, amount: { amount, currency } }) =>
    call === 'transfers.create'
      ? `${money(amount, currency)} is transferred to the seller.`
      : call === 'refunds.create'
        ? `${money(amount, currency)} goes back to the buyer.`
        : `An open payment of ${money(amount, currency)} is cancelled.`,
  );
  for (const { amount: { amount, currency }, until } of p.waits)
    lines.push(`${money(amount, currency)} goes to the seller ${until === null ? 'when Stripe lets them receive it' : `by itself at ${until}`}.`); // prettier-ignore
  return lines.length > 0 ? [...lines, 'It cannot be taken back.'] : ['No money moves.'];
}

async function decide(call: PageCall, decision: 'approve' | 'deny'): Promise<void> {
  const { request, response } = call;
  const id = String(request.params['id']);
  const given = { params_hash: field(request, 'params_hash') };
  const result = await giveRoute<{ status: string }>(call, decision, { id }, given, commandKeyOf(request));
  if (result.kind === 'refused') return show(call, result.problem.detail, result.problem.status);
  const notice = decision === 'deny' ? 'denied' : result.body.status === 'executed' ? 'approved' : 'approved_failed';
  seeOther(response, `/ops/approvals/${id}`, notice);
}
