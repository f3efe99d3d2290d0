// The terms of a schedule's escrow: milestones, sellers, fees, dates and periods as its seed chooses them.
import { buildTerms, type Terms, type TermsContext } from '../domain/terms.ts';
import type { Chance } from './clock.ts';

const DAY_MS = 86_400_000;

export const contextOf = (now: number): TermsContext => ({
  now,
  live: false,
  platformCountry: 'US',
  fee: { id: 'fee_simulated', vertical: 'general', rateBps: 1000, floor: 0 },
});

export function termsOf(
  escrowId: string,
  buyerId: string,
  sellerIds: readonly string[],
  chance: Chance,
  now: number,
): Terms {
  const at = (days: number) => new Date(now + days * DAY_MS).toISOString();
  return buildTerms(
    {
      escrowId,
      entityId: 'default',
      title: 'Simulated',
      currency: 'usd',
      vertical: 'general',
      buyerId,
      funding: chance.of(['upfront', 'per_milestone']),
      feePayer: chance.of(['seller', 'buyer', 'shared'] as const),
      milestones: Array.from({ length: 1 + chance.below(3) }, (_, i) => ({
        id: `ms_${i + 1}`,
        title: `Part ${i + 1}`,
        amount: 500 + chance.below(10_000),
        seller_id: chance.of(sellerIds),
        inspection_period: chance.of(['P1D', 'P3D', 'P14D']),
        ...(chance.happens(0.2) ? { starts_at: at(2 + chance.below(5)) } : {}),
        ...(chance.happens(0.5) ? { due_at: at(8 + chance.below(30)) } : {}),
      })),
      policy: {
        fee_return: chance.of(['full', 'none']),
        max_rounds: 1 + chance.below(3),
        fund: chance.of(['P3D', 'P14D']),
        ruling: chance.of(['P5D', 'P30D']),
        negotiate: chance.of(['P3D', 'P14D']),
        chargeback_loss: chance.of(['seller', 'seller', 'platform'] as const),
        dispute_fee: chance.of(['seller', 'platform'] as const),
        clawback: chance.of(['at_loss', 'at_opening'] as const),
      },
    },
    contextOf(now),
  );
}
