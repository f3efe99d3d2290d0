// The kinds of escrow that the demo runs, each one small function: what the people do, and the end it must come to.
import type { Deal } from './deal.ts';
import { ApiError } from '../../client/index.ts';

export interface Kind {
  name: string;
  /** Drives the escrow to its end and says what must be true there. */
  run(deal: Deal): Promise<void>;
}

const work = (
  amount: number,
  seller: 'seller' | 'seller2' | 'seller3' = 'seller',
  more: Record<string, unknown> = {},
) => ({
  title: 'A piece of work',
  amount,
  seller,
  ...more,
});

export const kinds: readonly Kind[] = [
  {
    name: 'upfront',
    run: async (deal) => {
      await deal.agreed({ milestones: [work(40_000), work(60_000)] });
      await deal.fund();
      for (const index of [0, 1]) {
        await deal.deliver(index);
        await deal.accept(index);
        await deal.untilMilestone(index, 'released');
      }
      await deal.until('completed');
      deal.expect({ charged: 100_000, released: 90_000, fees: 10_000 });
    },
  },
  {
    name: 'per milestone',
    run: async (deal) => {
      await deal.agreed({ funding: 'per_milestone', milestones: [work(30_000), work(20_000)] });
      for (const index of [0, 1]) {
        await deal.fund();
        await deal.untilMilestone(index, 'funded');
        await deal.deliver(index);
        await deal.accept(index);
        await deal.untilMilestone(index, 'released');
      }
      await deal.until('completed');
      deal.expect({ charged: 50_000, released: 45_000, fees: 5_000 });
    },
  },
  {
    name: 'three sellers',
    run: async (deal) => {
      await deal.agreed({ milestones: [work(10_000), work(20_000, 'seller2'), work(30_000, 'seller3')] });
      await deal.fund();
      await Promise.all(
        [0, 1, 2].map(async (index) => {
          await deal.deliver(index);
          await deal.accept(index);
        }),
      );
      await deal.until('completed');
      deal.expect({ charged: 60_000, released: 54_000, fees: 6_000 });
      deal.expectTransfers(3);
    },
  },
  {
    name: 'partial accept',
    run: async (deal) => {
      await deal.agreed({ milestones: [work(50_001)] });
      await deal.fund();
      await deal.deliver(0);
      await deal.accept(0, 20_000);
      await deal.accept(0, 10_000);
      await deal.accept(0);
      await deal.until('completed');
      deal.expect({ charged: 50_001, held: 0 });
      deal.expectTransfers(3);
    },
  },
  {
    name: 'automatic release',
    run: async (deal) => {
      await deal.agreed({ milestones: [work(25_000, 'seller', { inspection_period: 'PT3S' })] });
      await deal.fund();
      await deal.deliver(0);
      // Nobody does anything more.
      await deal.until('completed');
      deal.expect({ charged: 25_000, released: 22_500, fees: 2_500 });
    },
  },
  {
    name: 'request changes',
    run: async (deal) => {
      await deal.agreed({ milestones: [work(15_000)] });
      await deal.fund();
      await deal.deliver(0);
      await deal.requestChanges(0, 'The logo should be larger.');
      await deal.submit(0);
      await deal.accept(0);
      await deal.until('completed');
      deal.expect({ charged: 15_000, released: 13_500, fees: 1_500 });
    },
  },
  {
    name: 'declined, then paid',
    run: async (deal) => {
      await deal.agreed({ milestones: [work(12_000)] });
      const refusal = await deal.refused(() => deal.fund('pm_card_chargeDeclined'));
      if (refusal.status !== 402) throw new Error(`a decline answered ${refusal.status} ${refusal.code}, not 402`);
      await deal.fund();
      await deal.deliver(0);
      await deal.accept(0);
      await deal.until('completed');
      deal.expect({ charged: 12_000, released: 10_800, fees: 1_200 });
    },
  },
  {
    name: 'authenticated (SCA)',
    run: async (deal) => {
      await deal.agreed({ milestones: [work(18_000)] });
      await deal.fund('pm_card_authenticationRequired', false);
      await deal.untilMilestone(0, 'requires_action');
      await deal.authenticate();
      await deal.until('active');
      await deal.deliver(0);
      await deal.accept(0);
      await deal.until('completed');
      deal.expect({ charged: 18_000, released: 16_200, fees: 1_800 });
    },
  },
  {
    name: 'cancelled with refund',
    run: async (deal) => {
      await deal.agreed({ milestones: [work(33_000)] });
      await deal.fund();
      await deal.cancel();
      await deal.until('cancelled');
      deal.expect({ charged: 33_000, refunded: 33_000, released: 0, fees: 0 });
    },
  },
  {
    name: 'refund of a part',
    run: async (deal) => {
      await deal.agreed({ milestones: [work(40_000)] });
      await deal.fund();
      await deal.refund(0, 10_000);
      await deal.untilRefunded(1);
      await deal.deliver(0);
      await deal.accept(0);
      await deal.until('completed');
      deal.expect({ charged: 40_000, refunded: 10_000, held: 0 });
    },
  },
  {
    name: 'yen',
    run: async (deal) => {
      await deal.agreed({ currency: 'jpy', milestones: [work(5_000), work(7_777)] });
      await deal.fund();
      for (const index of [0, 1]) {
        await deal.deliver(index);
        await deal.accept(index);
      }
      await deal.until('completed');
      deal.expect({ charged: 12_777, held: 0 });
    },
  },
  {
    name: 'converted currency',
    run: async (deal) => {
      await deal.agreed({ currency: 'sek', milestones: [work(90_000), work(60_000, 'seller2')] });
      await deal.fund();
      for (const index of [0, 1]) {
        await deal.deliver(index);
        await deal.accept(index);
      }
      await deal.until('completed');
      if (deal.escrow.settlement_currency === 'sek') throw new Error('the charge was not converted');
      deal.expect({ held: 0 });
      deal.expectTransfers(2);
    },
  },
  {
    name: 'buyer pays the fee',
    run: async (deal) => {
      await deal.agreed({ fee_payer: 'buyer', milestones: [work(20_000)] });
      await deal.fund();
      await deal.deliver(0);
      await deal.accept(0);
      await deal.until('completed');
      deal.expect({ charged: 22_000, released: 20_000, fees: 2_000 });
    },
  },
  {
    name: 'nobody agreed',
    run: async (deal) => {
      await deal.propose({ milestones: [work(9_000)], policy: { agree: 'PT2S' } });
      await deal.until('expired');
      deal.expect({ charged: 0, held: 0 });
      const late = await deal.refused(() => deal.agree());
      if (!(late instanceof ApiError) || late.status !== 409) throw new Error('an expired proposal could be agreed to');
    },
  },
];
