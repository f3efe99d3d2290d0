// What goes wrong around an escrow: sellers who cannot receive, a short balance, banks, parties who may be one, a request of
// Temporal to cancel.
import { SIGNALS } from '../workflows/messages.ts';
import { Chance } from './clock.ts';
import type { Job } from './core.ts';
import { BEGIN, DAY, MINUTE } from './faults.ts';
import { OPS, SELLERS } from './people.ts';
import type { World } from './world.ts';

export function scheduleTrouble(world: World): void {
  const { chance, clock, stripe } = world;
  const later = (ms: number, act: () => void) => clock.in(ms, { what: 'world', run: null, jobs: () => (act(), []) });
  for (const seller of SELLERS) {
    if (!chance.happens(0.25)) continue;
    const from = chance.below(30 * DAY);
    later(from, () => {
      world.happened('seller_incapable');
      stripe.incapable.add(seller.id);
    });
    later(from + chance.below(90 * DAY), () => world.words.capable(seller.id));
  }
  if (chance.happens(0.25)) {
    const from = chance.below(30 * DAY);
    later(from, () => {
      world.happened('balance_short');
      stripe.balanceShort = true;
    });
    later(from + chance.below(3 * DAY), () => (stripe.balanceShort = false));
  }
  for (let i = 0; i < 2; i++) if (chance.happens(0.25)) bankComesIn(world, DAY + chance.below(40 * DAY), () => bankComes(world)); // prettier-ignore
  for (let i = 0; i < 3; i++) if (chance.happens(0.2)) clock.in(5 * DAY + chance.below(40 * DAY), { what: 'world', run: null, jobs: () => (world.besides.askReleasedRefund(), []) }); // prettier-ignore
  scheduleFirstReleases(world);
  scheduleReview(world);
  if (chance.happens(0.05)) {
    clock.in(chance.below(20 * DAY), { what: 'world', run: null, jobs: () => (world.happened('cancel_request_of_temporal'), [{ kind: 'cancel' }]) }); // prettier-ignore
  }
}

/** Banks and refunds do not mind that an escrow has ended. */
export function afterTheEnd(world: World): void {
  const { chance } = world;
  if (chance.happens(0.3)) world.besides.askReleasedRefund();
  if (!chance.happens(0.2)) return;
  world.words.underWay += 1;
  bankComesIn(world, MINUTE + chance.below(20 * DAY), () => {
    world.words.underWay -= 1;
    if (bankComes(world)) world.went('chargeback after the end');
  });
}

/** In some schedules while ops give the same money back: a loss, or what is held meanwhile, waits for that. */
function bankComesIn({ options, clock, besides }: World, ms: number, comes: () => void): void {
  const chance = new Chance(options.seed ^ ms);
  const at = (when: number, act: () => void) => clock.in(when, { what: 'world', run: null, jobs: () => (act(), []) });
  if (chance.happens(0.4)) at(ms - chance.below(10_000), () => besides.askReleasedRefund(OPS));
  at(ms, comes);
}

/** Some bank is at a charge, or at this one, from now on. False: there is none of which that can be. */
export function bankComes({ chance, store, stripe, bank, went }: World, at?: string): boolean {
  // A charge whose booking has had no answer yet is not disputed here.
  const known = new Set(store.head?.payments.flatMap((p) => (p.status === 'succeeded' ? [p.chargeId] : [])));
  const before = new Set([...bank.disputes.values()].map((d) => d.chargeId));
  const charges = [...store.charges].filter(
    ([id, c]) => c.allocated && known.has(id) && !before.has(id) && (at === undefined || id === at),
  );
  if (charges.length === 0) return false;
  const [chargeId, charge] = chance.of(charges);
  const paid = [...store.milestones].filter(([, m]) => m.paymentId === charge.paymentId).map(([id]) => id);
  const named = chance.happens(0.5) ? [] : paid.filter(() => chance.happens(0.5));
  const dispute = bank.open(
    [...stripe.intents.values()].find((i) => i.chargeId === chargeId)!,
    named,
  );
  if (dispute?.returned) went('chargeback of a returned debit');
  return dispute !== null;
}

/** Sellers whom the platform has never paid. By a chance of its own, as reviews: other seeds tell the stories that they told. */
function scheduleFirstReleases({ options, store, clock }: World): void {
  const chance = new Chance(options.seed + 0x5e11e7);
  if (!chance.happens(0.15)) return;
  const seller = chance.of(SELLERS).id;
  const at = BEGIN + chance.below(20 * DAY);
  store.firstReleaseAt = (id) => (id === seller && clock.now < at ? at : null);
}

/** Buyer and a seller may be one party. */
function scheduleReview(world: World): void {
  const chance = new Chance(~world.options.seed);
  if (!chance.happens(0.1)) return;
  const argument = { sellerId: chance.of(SELLERS).id, key: 'card' };
  const told = chance.happens(0.3) ? 2 : 1;
  const signal = (): Job[] => {
    if (!world.over) world.happened('shared_party');
    return [{ kind: 'signal', name: SIGNALS.risk, argument }];
  };
  for (let i = 0; i < told; i++) world.clock.in(chance.below(20 * DAY), { what: 'webhook', run: null, jobs: signal });
}
