// The in-product dispute as the API shows it: where it stands, whose turn it is, what was said, and how it ended.
import { z } from 'zod';
import type { DisputeMessage, DisputeRecord } from '../db/disputes.ts';
import type { Viewer } from '../db/escrows.ts';
import { milestoneWaiting } from '../domain/waiting.ts';
import { actionsOf, moneyOf } from './escrow-view.ts';
import { money, waiting } from './schemas.ts';

const instant = z.iso.datetime();
const split = z.object({ seller_amount: money, buyer_amount: money });

export const inProductDispute = z
  .object({
    id: z.string().describe('Id of the dispute (dsp_…).'),
    object: z.literal('dispute'),
    kind: z.literal('in_product'),
    escrow_id: z.string(),
    milestone_id: z.string(),
    status: z.enum(['open', 'negotiating', 'mediation', 'second_arbiter', 'settled']),
    reason: z.string(),
    amount: money.describe('What is in dispute: all that was neither accepted nor refunded when it was opened.'),
    claim: split.describe('The split if the claimant wins.'),
    offers: z.object({ buyer: split.nullable(), seller: split.nullable() }).describe('The last offer of each side.'),
    until: instant.nullable().describe('When the present stage ends; null when it is settled.'),
    opened_by: z.object({ id: z.string(), role: z.enum(['buyer', 'seller']) }),
    outcome: split
      .extend({
        how: z.enum(['silence', 'agreed', 'ruled', 'default']),
        by: z.string().nullable(),
        reason: z.string(),
        at: instant,
      })
      .nullable(),
    waiting_for: waiting,
    available_actions: z.array(z.string()),
    messages: z.array(
      z.object({
        at: instant,
        type: z.string(),
        by: z.object({ id: z.string().nullable(), role: z.string().nullable(), name: z.string().nullable() }),
        message: z.string().nullable(),
        seller_amount: money.nullable().describe('Of an offer: what the seller would get.'),
      }),
    ),
  })
  .meta({ id: 'InProductDispute' });

export type InProductDisputeView = z.infer<typeof inProductDispute>;

export function disputeView(
  { escrow, milestone, messages }: DisputeRecord,
  viewer: Viewer,
  now = Date.now(),
): InProductDisputeView {
  const { state } = escrow;
  const dispute = milestone.dispute!;
  const { currency } = state.terms;
  const splitOf = (sellerAmount: number) => ({
    seller_amount: moneyOf(sellerAmount, currency),
    buyer_amount: moneyOf(dispute.amount - sellerAmount, currency),
  });
  const { outcome } = dispute;
  return {
    id: dispute.id,
    object: 'dispute',
    kind: 'in_product',
    escrow_id: state.id,
    milestone_id: milestone.id,
    status: dispute.status,
    reason: dispute.reason,
    amount: moneyOf(dispute.amount, currency),
    claim: splitOf(dispute.claim),
    offers: {
      buyer: dispute.offers.buyer === null ? null : splitOf(dispute.offers.buyer),
      seller: dispute.offers.seller === null ? null : splitOf(dispute.offers.seller),
    },
    until: dispute.status === 'settled' ? null : new Date(dispute.until).toISOString(),
    opened_by: { id: dispute.openedBy, role: dispute.openedRole },
    outcome: outcome && {
      ...splitOf(outcome.sellerAmount),
      how: outcome.how,
      by: outcome.by,
      reason: outcome.reason,
      at: new Date(outcome.at).toISOString(),
    },
    waiting_for: milestoneWaiting(state, milestone),
    available_actions: actionsOf(state, viewer, now).milestones[milestone.id] ?? [],
    messages: messages.map((m) => messageView(m, currency)),
  };
}

function messageView(m: DisputeMessage, currency: string): InProductDisputeView['messages'][number] {
  const words = m.data['message'] ?? m.data['reason'];
  const offered = m.data['seller_amount'];
  return {
    at: m.at.toISOString(),
    type: m.type,
    by: { id: m.actor.id, role: m.actor.role, name: m.actor_name },
    message: typeof words === 'string' && words !== '' ? words : null,
    seller_amount: typeof offered === 'number' ? moneyOf(offered, currency) : null,
  };
}
