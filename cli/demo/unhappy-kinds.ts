// The unhappy ways that money can go, each as the people of the demo live it. They change sellers' accounts, so they run
// one after another, behind the ordinary kinds.
import type { CardDispute, Debt, Escrow, Tranche } from '../../client/index.ts';
import type { Deal } from './deal.ts';
import type { Kind } from './kinds.ts';
import { pendingAt } from './sandbox.ts';

const work = (amount: number, seller: 'seller' | 'seller2' | 'seller3' = 'seller', more: Record<string, unknown> = {}) => ({
  title: 'A piece of work',
  amount,
  seller,
  ...more,
}); // prettier-ignore

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
  const { stripe_account_id: account } = await deal.cast.ops.api.getSeller({ id });
  if (!account) throw new Error(`${seller} has no account`);
  return account;
}

async function amended(deal: Deal, milestones: { id?: string; amount: number }[]): Promise<void> {
  const { buyer, sellers } = deal.cast;
  const { amendment } = await deal.noted(
    'amendments',
    buyer.api.proposeAmendment({ ...deal.at, body: { milestones } }),
  );
  await deal.noted('sign', sellers.seller.api.signAmendment({ id: amendment!.id }));
}

export const unhappyKinds: readonly Kind[] = [
  {
    name: 'dispute ruled 60/40',
    run: async (deal) => {
      await delivered(deal, 50_000);
      const { buyer, sellers, ops } = deal.cast;
      const reason = 'Half of it is missing.';
      const dispute = buyer.api.openDispute({ ...deal.milestoneAt(0), body: { reason } });
      const { id } = await deal.noted('dispute', dispute);
      await deal.noted('reply', sellers.seller.api.replyToDispute({ id, body: { message: 'It is all there.' } }));
      await deal.noted('offer', sellers.seller.api.offerInDispute({ id, body: { seller_amount: 40_000 } }));
      await deal.noted('escalate', buyer.api.escalateDispute({ id }));
      const ruling = { seller_amount: 30_000, reason: 'Three of five parts were delivered.' };
      await deal.noted('rule', ops.api.ruleDispute({ id, body: ruling }));
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
      const intent = await deal.stripeIdOf('stripe_payment_intent_id');
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
        const seller = await deal.cast.ops.api.getSeller({ id });
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
      await deal.untilTrue('the new terms', (e: Escrow) => e.milestones.length === 3);
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
      const { data } = await deal.cast.buyer.api.listTransfers(deal.at);
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
      let debt: Debt | undefined;
      for await (const each of ops.api.each('listDebts')) if (each.escrow_id === deal.escrow.id) debt = each;
      if (!debt) throw new Error('the debt is not listed');
      const writeOff = ops.api.writeOffDebt({ id: debt.id, body: { reason: 'The seller is gone.' } });
      const { approval } = await deal.noted('write-off', writeOff);
      const alone = await deal.refused(() => ops.api.approve({ id: approval.id }));
      if (alone.status < 400) throw new Error('one person approved their own request');
      await deal.noted('approve', ops2.api.approve({ id: approval.id }));
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
      const { id } = dispute;
      await deal.noted('evidence', seller.api.stageEvidence({ id, body: { text: 'winning_evidence' } }));
      await deal.noted('submit-evidence', seller.api.submitEvidence({ id }));
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
      await deal.noted('accept-loss', deal.cast.sellers.seller.api.acceptLoss({ id: dispute.id }));
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
      const newest = async () => (await api.listPayouts()).data[0];
      await deal.untilTrue('a payout', async () => (await newest()) !== undefined);
      const payout = (await newest())!;
      await deal.control(`payouts/${payout.id}`, { fail: 'account_closed' });
      await deal.untilTrue('the failure to be shown', async () => {
        const { data } = await api.listPayouts();
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
  const { buyer, sellers } = deal.cast;
  const refund = (by: Tranche, reason: string) =>
    deal.noted('refund', by.refundMilestone({ ...deal.milestoneAt(0), body: { reason } }));
  await refund(buyer.api, 'It broke.');
  await refund(sellers.seller2.api, 'Agreed.');
  await deal.untilTrue('the refund', (e) => e.money.refunded.amount === 10_000);
  await deal.untilRefunded(1);
}

/** The buyer goes to the bank: the money is gone until the bank decides, and the escrow is frozen. */
async function chargedBack(deal: Deal): Promise<CardDispute> {
  const charge = await deal.stripeIdOf('stripe_charge_id');
  await deal.control('disputes', { charge, due_in: 'P9D' });
  await deal.untilTrue('the chargeback', (e) => e.frozen.includes('card_dispute'));
  const { data } = await deal.cast.ops.api.listDisputes({ escrow_id: deal.escrow.id });
  const dispute = data.find((d) => d.kind === 'card');
  if (!dispute) throw new Error('the chargeback is not listed');
  return dispute;
}
