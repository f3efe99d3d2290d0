// The unhappy ways that money can go, each as the people of the demo live it. They change sellers' accounts, so they run
// one after another, behind the ordinary kinds.
import { type EscrowView, pendingAt } from './client.ts';
import type { Deal } from './deal.ts';
import type { Kind } from './kinds.ts';

const work = (amount: number, seller: 'seller' | 'seller2' | 'seller3' = 'seller', more: Record<string, unknown> = {}) => ({
  title: 'A piece of work',
  amount,
  seller,
  ...more,
}); // prettier-ignore

interface DisputeView {
  id: string;
  kind: 'in_product' | 'card';
  status: string;
}

async function delivered(
  deal: Deal,
  amount: number,
  seller: 'seller' | 'seller2' | 'seller3' = 'seller',
): Promise<void> {
  await deal.agreed({ milestones: [work(amount, seller)] });
  await deal.fund();
  await deal.deliver(0);
}

/** The account of a seller at Stripe, as ops read it. */
async function accountOf(deal: Deal, seller: 'seller' | 'seller2' | 'seller3'): Promise<string> {
  const { id } = deal.cast.sellers[seller];
  const { stripe_account_id } = await deal.cast.ops.api.get<{ stripe_account_id: string }>(`/v1/sellers/${id}`);
  return stripe_account_id;
}

interface Amendment {
  amendment: { id: string };
}

async function amended(deal: Deal, milestones: object[]): Promise<void> {
  const { amendment } = await deal.as<Amendment>(deal.cast.buyer, deal.path('amendments'), { milestones });
  await deal.as(deal.cast.sellers.seller, `/v1/amendments/${amendment.id}/sign`);
}

export const unhappyKinds: readonly Kind[] = [
  {
    name: 'dispute ruled 60/40',
    run: async (deal) => {
      await delivered(deal, 50_000);
      const { buyer, sellers, ops } = deal.cast;
      const dispute = await deal.as<DisputeView>(buyer, deal.milestonePath(0, 'dispute'), {
        reason: 'Half of it is missing.',
      });
      const to = (action: string) => `/v1/disputes/${dispute.id}/${action}`;
      await deal.as(sellers.seller, to('reply'), { message: 'It is all there.' });
      await deal.as(sellers.seller, to('offer'), { seller_amount: 40_000 });
      await deal.as(buyer, to('escalate'));
      await deal.as(ops, to('rule'), { seller_amount: 30_000, reason: 'Three of five parts were delivered.' });
      await deal.until('completed');
      deal.expect({ charged: 50_000, released: 27_000, fees: 3000, refunded: 20_000, held: 0 });
    },
  },
  {
    name: 'bank debit that fails',
    run: async (deal) => {
      await deal.agreed({ currency: 'eur', milestones: [work(20_000)] });
      await deal.fund('pm_sepa_debit', false);
      await deal.untilMilestone(0, 'processing');
      const intent = await deal.stripeIdOf('payments', 'stripe_payment_intent_id');
      await deal.control(`payment_intents/${intent}`, { settle: 'failed' });
      await deal.untilMilestone(0, 'awaiting_funding');
      await deal.fund();
      await deal.deliver(0);
      await deal.accept(0);
      await deal.until('completed');
      deal.expect({ charged: 20_000, released: 18_000, fees: 2000 });
    },
  },
  {
    name: 'seller verified late',
    run: async (deal) => {
      await delivered(deal, 15_000, 'seller3');
      const account = await accountOf(deal, 'seller3');
      await deal.control(`accounts/${account}`, { transfers: 'inactive' });
      await deal.untilTrue('the webhook about the seller', async () => {
        const { id } = deal.cast.sellers.seller3;
        const seller = await deal.cast.ops.api.get<{ transfers: string }>(`/v1/sellers/${id}`);
        return seller.transfers === 'inactive';
      });
      await deal.accept(0);
      await deal.untilMilestone(0, 'blocked_kyc');
      deal.expect({ charged: 15_000, held: 13_500, fees: 1500, released: 0 });
      await deal.control(`accounts/${account}`, { transfers: 'active' });
      await deal.until('completed');
      deal.expect({ released: 13_500, held: 0 });
    },
  },
  {
    name: 'amended up and down',
    run: async (deal) => {
      await deal.agreed({ milestones: [work(30_000), work(20_000)] });
      await deal.fund();
      const ids = deal.escrow.milestones.map((m) => m.id);
      await amended(deal, [
        { id: ids[0], amount: 35_000 },
        { id: ids[1], amount: 12_000 },
      ]);
      await deal.untilTrue('the new terms', (e: EscrowView) => e.milestones.length === 3);
      await deal.untilRefunded(1);
      await deal.fund();
      for (const index of [0, 1, 2]) {
        await deal.deliver(index);
        await deal.accept(index);
      }
      await deal.until('completed');
      deal.expect({ charged: 55_000, refunded: 8000, released: 42_300, fees: 4700, held: 0 });
    },
  },
  {
    name: 'refunded after release',
    run: async (deal) => {
      deal.transfersAreReleases = false;
      await refundedFromAnEmptyBalance(deal);
      deal.expect({ charged: 10_000, refunded: 10_000, owed: 9000, fees: 0, held: 0 });
    },
  },
  {
    name: 'debt netted',
    run: async (deal) => {
      deal.transfersAreReleases = false;
      await delivered(deal, 20_000, 'seller2');
      await deal.accept(0);
      await deal.until('completed');
      deal.expect({ charged: 20_000, released: 18_000, fees: 2000, held: 0 });
      const { data } = await deal.cast.buyer.api.get<{ data: { amount: { amount: number } }[] }>(
        deal.path('transfers'),
      );
      const sent = data.map((t) => t.amount.amount);
      if (sent.length !== 1 || sent[0] !== 9000)
        throw new Error(`9000 of 18000 were owed, but ${sent.join(', ')} were transferred`);
    },
  },
  {
    name: 'debt written off by two',
    run: async (deal) => {
      deal.transfersAreReleases = false;
      await refundedFromAnEmptyBalance(deal);
      const { ops, ops2 } = deal.cast;
      const { data } = await ops.api.get<{ data: { id: string; escrow_id: string }[] }>('/v1/ops/debts');
      const debt = data.find((d) => d.escrow_id === deal.escrow.id);
      if (!debt) throw new Error('the debt is not listed');
      const { approval } = await deal.as<{ approval: { id: string } }>(ops, `/v1/ops/debts/${debt.id}/write-off`, {
        reason: 'The seller is gone.',
      });
      const alone = await deal.refused(() => deal.as(ops, `/v1/ops/approvals/${approval.id}/approve`));
      if (alone.status < 400) throw new Error('one person approved their own request');
      await deal.as(ops2, `/v1/ops/approvals/${approval.id}/approve`);
      await deal.untilTrue('the debt to be written off', (e) => e.money.owed.amount === 0);
      deal.expect({ charged: 10_000, refunded: 10_000, absorbed: 9000, owed: 0 });
    },
  },
  {
    name: 'chargeback won',
    run: async (deal) => {
      await delivered(deal, 25_000);
      const dispute = await chargedBack(deal);
      const { seller } = deal.cast.sellers;
      await deal.as(seller, `/v1/disputes/${dispute.id}/evidence`, { text: 'winning_evidence' });
      await deal.as(seller, `/v1/disputes/${dispute.id}/submit-evidence`);
      await deal.untilTrue('the bank to decide', (e) => e.frozen.length === 0);
      await deal.accept(0);
      await deal.until('completed');
      deal.expect({ charged: 25_000, released: 22_500, fees: 2500, charged_back: 0, held: 0 });
    },
  },
  {
    name: 'chargeback lost',
    run: async (deal) => {
      await delivered(deal, 25_000);
      const dispute = await chargedBack(deal);
      await deal.as(deal.cast.sellers.seller, `/v1/disputes/${dispute.id}/accept-loss`);
      await deal.until('completed');
      deal.expect({ charged: 25_000, charged_back: 25_000, released: 0, fees: 0, held: 0 });
    },
  },
  {
    name: 'payout failed',
    run: async (deal) => {
      await delivered(deal, 30_000);
      await deal.accept(0);
      await deal.until('completed');
      const account = await accountOf(deal, 'seller');
      await deal.control(`accounts/${account}`, { onboarded: true });
      await deal.control('clock', { advance: 'P3D' });
      const { api } = deal.cast.sellers.seller;
      type Payouts = { data: { id: string; status: string; what_to_do: string | null }[] };
      const newest = async () => (await api.get<Payouts>('/v1/payouts')).data[0];
      await deal.untilTrue('a payout', async () => (await newest()) !== undefined);
      const payout = (await newest())!;
      await deal.control(`payouts/${payout.id}`, { fail: 'account_closed' });
      await deal.untilTrue('the failure to be shown', async () => {
        const { data } = await api.get<Payouts>('/v1/payouts');
        return data.some((p) => p.id === payout.id && p.status === 'failed' && p.what_to_do !== null);
      });
      deal.expect({ charged: 30_000, released: 27_000, fees: 3000 });
    },
  },
];

/** 100 were released to a seller whose balance is empty by now; buyer and seller agree to refund them all the same. */
async function refundedFromAnEmptyBalance(deal: Deal): Promise<void> {
  await delivered(deal, 10_000, 'seller2');
  await deal.accept(0);
  await deal.until('completed');
  const account = await accountOf(deal, 'seller2');
  // Empty in all: a reversal may draw on what is pending, too.
  await deal.control(`accounts/${account}`, {
    balance: { usd: -(await pendingAt(deal.cast.sandboxUrl, account, 'usd')) },
  });
  const refund = deal.milestonePath(0, 'refund');
  await deal.as(deal.cast.buyer, refund, { reason: 'It broke.' });
  await deal.as(deal.cast.sellers.seller2, refund, { reason: 'Agreed.' });
  await deal.untilTrue('the refund', (e) => e.money.refunded.amount === 10_000);
  await deal.untilRefunded(1);
}

/** The buyer goes to the bank: the money is gone until the bank decides, and the escrow is frozen. */
async function chargedBack(deal: Deal): Promise<DisputeView> {
  const charge = await deal.stripeIdOf('payments', 'stripe_charge_id');
  await deal.control('disputes', { charge, due_in: 'P9D' });
  await deal.untilTrue('the chargeback', (e) => e.frozen.includes('card_dispute'));
  const { data } = await deal.cast.ops.api.get<{ data: DisputeView[] }>(`/v1/disputes?escrow_id=${deal.escrow.id}`);
  const dispute = data.find((d) => d.kind === 'card');
  if (!dispute) throw new Error('the chargeback is not listed');
  return dispute;
}
