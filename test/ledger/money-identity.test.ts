// Invariant 12, as the database computes it: charged + owed + absorbed = held + released + refunded + charged_back + fees +
// tax, at every step of whatever may happen to an escrow, disputes and debts included.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { identityHolds, type Money, MONEY_TERMS } from '../../db/ledger.ts';
import { account, chargeAllocated, chargeCaptured, inverse, type Leg, partAccepted, refundAsked, refundSettled, transferCreated, unallocatedRefundAsked } from '../../domain/postings.ts'; // prettier-ignore
import { type Book, booked, legsOf, newKey, openBook } from './book.ts';

let book: Book;
beforeAll(async () => {
  book = await openBook();
});
afterAll(() => book.close());

const amounts = (m: Money) => Object.fromEntries(MONEY_TERMS.map((term) => [term, Number(m[term])]));
const NONE = { charged: 0, owed: 0, absorbed: 0, held: 0, released: 0, refunded: 0, charged_back: 0, fees: 0, tax: 0, disputed: 0 }; // prettier-ignore

test('before a charge every term is nothing', async () => {
  expect(amounts(await book.money('esc_nobody'))).toEqual(NONE);
});

describe('the worked example: a charge of 300 lost after two of three were released', () => {
  const run = newKey();
  const escrowId = `esc_${run}`;
  const [s1, s2] = [`usr_${run}_1`, `usr_${run}_2`];
  const step = (kind: string, legs: Leg[]) => book.post({ escrowId, kind, legs });
  const sellers = [s1!, s2!, s1!];
  const ms = (i: number) => `ms_${run}_${i}`;
  const dispute = `dispute:dp_${run}:receivable`;

  test('at each step the identity holds, and at its end 300 + 90 + 0 = 0 + 90 + 0 + 300 + 0 + 0', async () => {
    const seen: Record<string, number>[] = [];
    const look = async () => {
      const money = await book.money(escrowId);
      expect([identityHolds(money), amounts(money)]).toEqual([true, amounts(money)]);
      seen.push(amounts(money));
    };
    await step('charge_captured', chargeCaptured(`pay_${run}`, booked(300n, 9n)));
    await look();
    await step('charge_allocated', chargeAllocated(`pay_${run}`, sellers.map((sellerId, i) => ({ milestoneId: ms(i), sellerId, principalMinor: 100n, buyerFeeMinor: 0n })))); // prettier-ignore
    await look();
    for (const i of [0, 1]) {
      await step('part_accepted', partAccepted({ milestoneId: ms(i), sellerId: sellers[i]!, principalMinor: 100n, sellerFeeMinor: 10n, buyerFeeMinor: 0n })); // prettier-ignore
      await look();
      await step('transfer', transferCreated(ms(i), sellers[i]!, booked(-90n)));
      await look();
    }
    expect(seen.at(-1)).toEqual({ ...NONE, charged: 300, held: 100, released: 180, fees: 20 });
    await step('dispute_withdrawn', legsOf([dispute, 300n], ['dispute_fees', 15n], ['stripe:available', -315n]));
    await look();
    expect(seen.at(-1)).toMatchObject({ disputed: 300, charged_back: 0, held: 100, released: 180 });
    await step('transfer_reversed', legsOf(['stripe:available', 90n], [account.onHold(s1!), -90n]));
    await look();
    expect(seen.at(-1)).toMatchObject({ held: 190, released: 90 });
    await step('dispute_lost', legsOf([account.held(ms(2)), 100n], [account.onHold(s1!), 90n], [`seller:${s2}:receivable`, 90n], ['fee_revenue', 20n], [dispute, -300n])); // prettier-ignore
    await look();
    expect(seen.at(-1)).toEqual({ ...NONE, charged: 300, owed: 90, released: 90, charged_back: 300 });
  });
});

describe('examples', () => {
  async function paid(principal: bigint, buyerFee = 0n) {
    const run = newKey();
    const escrowId = `esc_${run}`;
    const milestoneId = `ms_${run}`;
    const sellerId = `usr_${run}`;
    const step = (kind: string, legs: Leg[]) => book.post({ escrowId, kind, legs });
    await step('charge_captured', chargeCaptured(`pay_${run}`, booked(principal + buyerFee, 5n)));
    return { run, escrowId, milestoneId, sellerId, step, terms: async () => amounts(await book.money(escrowId)) };
  }

  test('money that came too late waits in clearing as held, then goes back whole', async () => {
    const p = await paid(500n);
    expect(await p.terms()).toEqual({ ...NONE, charged: 500, held: 500 });
    await p.step('refund_asked', unallocatedRefundAsked(`pay_${p.run}`, `rfd_${p.run}`, 500n));
    expect(await p.terms()).toEqual({ ...NONE, charged: 500, refunded: 500 });
    await p.step('refund_settled', refundSettled(`rfd_${p.run}`, 500n, booked(-500n)));
    expect(await p.terms()).toEqual({ ...NONE, charged: 500, refunded: 500 });
  });

  test('a refund at another rate: what the rate took is absorbed, what went back is refunded', async () => {
    const p = await paid(500n, 50n);
    await p.step('charge_allocated', chargeAllocated(`pay_${p.run}`, [{ milestoneId: p.milestoneId, sellerId: p.sellerId, principalMinor: 500n, buyerFeeMinor: 50n }])); // prettier-ignore
    const asked = refundAsked({ refundId: `rfd_${p.run}`, milestoneId: p.milestoneId, sellerId: p.sellerId, principalMinor: 500n, buyerFeeMinor: 50n, buyerFeeReturnedMinor: 0n }); // prettier-ignore
    await p.step('refund_asked', asked);
    expect(await p.terms()).toEqual({ ...NONE, charged: 550, refunded: 500, fees: 50 });
    await p.step('refund_settled', refundSettled(`rfd_${p.run}`, 500n, booked(-507n)));
    expect(await p.terms()).toEqual({ ...NONE, charged: 550, absorbed: 7, refunded: 507, fees: 50 });
    // It failed after all: Stripe gives the same back, and the money is held as before.
    await p.step('refund_returned', refundSettled(`rfd_${p.run}`, -500n, booked(507n)));
    await p.step('refund_undone', inverse(asked));
    expect(await p.terms()).toEqual({ ...NONE, charged: 550, held: 550 });
  });

  test('a debt is owed until it is paid in or written off', async () => {
    const p = await paid(100n);
    await p.step('charge_allocated', chargeAllocated(`pay_${p.run}`, [{ milestoneId: p.milestoneId, sellerId: p.sellerId, principalMinor: 100n, buyerFeeMinor: 0n }])); // prettier-ignore
    await p.step('part_accepted', partAccepted({ milestoneId: p.milestoneId, sellerId: p.sellerId, principalMinor: 100n, sellerFeeMinor: 0n, buyerFeeMinor: 0n })); // prettier-ignore
    await p.step('transfer', transferCreated(p.milestoneId, p.sellerId, booked(-100n)));
    const receivable = `seller:${p.sellerId}:receivable`;
    await p.step('refund_asked', legsOf([receivable, 100n], [account.refund(`rfd_${p.run}`), -100n]));
    expect(await p.terms()).toEqual({ ...NONE, charged: 100, owed: 100, released: 100, refunded: 100 });
    await p.step('debt_recovered', legsOf(['bank', 60n], [receivable, -60n]));
    expect(await p.terms()).toEqual({ ...NONE, charged: 100, owed: 40, released: 40, refunded: 100 });
    await p.step('written_off', legsOf(['bad_debt', 40n], [receivable, -40n]));
    expect(await p.terms()).toEqual({ ...NONE, charged: 100, absorbed: 40, released: 40, refunded: 100 });
  });
});

test('a debt taken out of another escrow’s release: each escrow’s money still adds up by itself', async () => {
  const run = newKey();
  const sellerId = `usr_${run}`;
  const [debtor, paying] = [`esc_${run}_a`, `esc_${run}_b`] as const;
  for (const escrowId of [debtor, paying]) {
    const milestoneId = `ms_${escrowId}`;
    const paymentId = `pay_${escrowId}`;
    await book.post({ escrowId, kind: 'charge_captured', legs: chargeCaptured(paymentId, booked(100n)) });
    await book.post({ escrowId, kind: 'charge_allocated', legs: chargeAllocated(paymentId, [{ milestoneId, sellerId, principalMinor: 100n, buyerFeeMinor: 0n }]) }); // prettier-ignore
    await book.post({ escrowId, kind: 'part_accepted', legs: partAccepted({ milestoneId, sellerId, principalMinor: 100n, sellerFeeMinor: 0n, buyerFeeMinor: 0n }) }); // prettier-ignore
  }
  await book.post({
    escrowId: debtor,
    kind: 'transfer',
    legs: transferCreated(`ms_${debtor}`, sellerId, booked(-100n)),
  });
  const receivable = `seller:${sellerId}:receivable`;
  await book.post({ escrowId: debtor, kind: 'refund_asked', legs: legsOf([receivable, 100n], [account.refund(`rfd_${run}`), -100n]) }); // prettier-ignore
  await book.post({
    escrowId: paying,
    kind: 'debt_recovered',
    legs: [
      { account: account.payable(sellerId), amountMinor: 70n, escrowId: paying },
      { account: receivable, amountMinor: -70n, escrowId: debtor },
    ],
  });
  await book.post({
    escrowId: paying,
    kind: 'transfer',
    legs: transferCreated(`ms_${paying}`, sellerId, booked(-30n)),
  });
  expect(amounts(await book.money(debtor))).toEqual({ ...NONE, charged: 100, owed: 30, released: 30, refunded: 100 });
  expect(amounts(await book.money(paying))).toEqual({ ...NONE, charged: 100, released: 100 });
});

// ---- any sequence -----------------------------------------------------------------------------------------------------

type Event = { do: 'pay' | 'allocate' | 'accept' | 'transfer' | 'reverse' | 'repay' | 'refund' | 'settle' | 'undo' | 'withdraw' | 'reinstate' | 'lose' | 'recover' | 'write_off'; which: number; share: number; rate: number }; // prettier-ignore
const event: fc.Arbitrary<Event> = fc.record({
  do: fc.constantFrom<Event['do']>('pay', 'allocate', 'allocate', 'accept', 'accept', 'transfer', 'transfer', 'reverse', 'repay', 'refund', 'settle', 'undo', 'withdraw', 'reinstate', 'lose', 'recover', 'write_off'),
  which: fc.nat(3),
  share: fc.integer({ min: 1, max: 100 }),
  rate: fc.integer({ min: 90, max: 110 }),
}); // prettier-ignore

/** What the platform's code would know of one escrow, as far as it decides what may be posted next. */
class Escrow {
  readonly run = newKey();
  readonly escrowId = `esc_${this.run}`;
  private readonly balances = new Map<string, bigint>();
  private payments: { id: string; amount: bigint; allocated: boolean }[] = [];
  private refunds: { id: string; asked: Leg[]; settled: bigint | null }[] = [];
  private withdrawn = 0n;
  private readonly dispute = `dispute:dp_${this.run}:receivable`;

  milestone = (i: number) => `ms_${this.run}_${i % 3}`;
  seller = (i: number) => `usr_${this.run}_${i % 2}`;
  owed = (name: string) => -(this.balances.get(name) ?? 0n);
  private receivable = (i: number) => `seller:${this.seller(i)}:receivable`;

  private async post(kind: string, legs: Leg[]): Promise<void> {
    const kept = legs.filter((l) => l.amountMinor !== 0n);
    if (kept.length === 0) return;
    await book.post({ escrowId: this.escrowId, kind, legs: kept });
    for (const l of kept) this.balances.set(l.account, (this.balances.get(l.account) ?? 0n) + l.amountMinor);
  }

  /** Posts what this event would bring now; an event that has no place now brings nothing. */
  async live({ do: what, which, share, rate }: Event): Promise<void> {
    const milestoneId = this.milestone(which);
    const sellerId = this.seller(which);
    const part = (minor: bigint) => (minor * BigInt(share)) / 100n;
    const held = account.held(milestoneId);
    const unearned = account.feeUnearned(milestoneId);
    switch (what) {
      case 'pay': {
        const payment = { id: `pay_${this.run}_${this.payments.length}`, amount: BigInt(share) * 97n, allocated: false }; // prettier-ignore
        this.payments.push(payment);
        return this.post('charge_captured', chargeCaptured(payment.id, booked(payment.amount, BigInt(which))));
      }
      case 'allocate': {
        const payment = this.payments.find((p) => !p.allocated);
        if (!payment) return;
        payment.allocated = true;
        if (which === 3) return this.refund(`late_${payment.id}`, unallocatedRefundAsked(payment.id, `rfd_late_${payment.id}`, payment.amount)); // prettier-ignore
        const buyerFeeMinor = part(payment.amount) / 5n;
        const tax = payment.amount / 20n;
        const legs = chargeAllocated(payment.id, [{ milestoneId, sellerId, principalMinor: payment.amount - buyerFeeMinor - tax, buyerFeeMinor }]); // prettier-ignore
        return this.post('charge_allocated', [...legs, ...legsOf([account.charge(payment.id), tax], ['tax:US-CA', -tax])]); // prettier-ignore
      }
      case 'accept': {
        const principalMinor = part(this.owed(held));
        return this.post('part_accepted', partAccepted({ milestoneId, sellerId, principalMinor, sellerFeeMinor: principalMinor / 10n, buyerFeeMinor: part(this.owed(unearned)) })); // prettier-ignore
      }
      case 'transfer':
        return this.post('transfer', transferCreated(milestoneId, sellerId, booked(-part(this.owed(account.payable(sellerId)))))); // prettier-ignore
      case 'reverse': {
        const released = await this.released();
        return this.post('transfer_reversed', legsOf(['stripe:available', part(released)], [account.onHold(sellerId), -part(released)])); // prettier-ignore
      }
      case 'repay': {
        const onHold = part(this.owed(account.onHold(sellerId)));
        return this.post(
          'transferred_again',
          legsOf([account.onHold(sellerId), onHold], ['stripe:available', -onHold]),
        );
      }
      case 'refund': {
        const buyerFeeMinor = part(this.owed(unearned));
        const id = `rfd_${this.run}_${this.refunds.length}`;
        if (which === 3) {
          // After release: what is on hold first, then the seller owes it.
          const onHold = part(this.owed(account.onHold(sellerId)));
          const debt = part(await this.released()) / 3n;
          return this.refund(id, legsOf([account.onHold(sellerId), onHold], [this.receivable(which), debt], [account.refund(id), -onHold - debt])); // prettier-ignore
        }
        return this.refund(id, refundAsked({ refundId: id, milestoneId, sellerId, principalMinor: part(this.owed(held)), buyerFeeMinor, buyerFeeReturnedMinor: share % 2 ? buyerFeeMinor : 0n })); // prettier-ignore
      }
      case 'settle': {
        const refund = this.refunds.find((r) => r.settled === null);
        const clearing = refund?.asked.find((l) => l.account.startsWith('refund:'));
        if (!refund || !clearing) return;
        refund.settled = (-clearing.amountMinor * BigInt(rate)) / 100n;
        return this.post('refund_settled', refundSettled(clearing.account.slice(7), -clearing.amountMinor, booked(-refund.settled))); // prettier-ignore
      }
      case 'undo': {
        const refund = this.refunds[which];
        const clearing = refund?.asked.find((l) => l.account.startsWith('refund:'));
        if (!refund || !clearing) return;
        // A debt that was paid meanwhile cannot be undone as if it stood: the product gives that back first.
        const debt = refund.asked.find((l) => l.account.endsWith(':receivable'));
        if (debt && -this.owed(debt.account) < debt.amountMinor) return;
        this.refunds.splice(which, 1);
        if (refund.settled !== null) await this.post('refund_returned', refundSettled(clearing.account.slice(7), clearing.amountMinor, booked(refund.settled))); // prettier-ignore
        return this.post('refund_undone', inverse(refund.asked));
      }
      case 'withdraw': {
        const charged = this.payments.reduce((sum, p) => sum + p.amount, 0n);
        const amount = part(charged - this.withdrawn);
        this.withdrawn += amount;
        return this.post('dispute_withdrawn', legsOf([this.dispute, amount], ['dispute_fees', 15n], ['stripe:available', -amount - 15n])); // prettier-ignore
      }
      case 'reinstate': {
        const amount = part(-this.owed(this.dispute));
        this.withdrawn -= amount;
        return this.post('dispute_reinstated', legsOf(['stripe:available', amount], [this.dispute, -amount]));
      }
      case 'lose': {
        // Unreleased first, then what was got back, then a fee given back, then a debt, then the platform.
        const rest = part(-this.owed(this.dispute));
        const of = (left: bigint, most: bigint) => (left < most ? left : most);
        const fromHeld = of(rest, this.owed(held));
        const fromPayable = of(rest - fromHeld, this.owed(account.payable(sellerId)));
        const fromHold = of(rest - fromHeld - fromPayable, this.owed(account.onHold(sellerId)));
        const left = rest - fromHeld - fromPayable - fromHold;
        const debt = left / 2n;
        return this.post('dispute_lost', legsOf([held, fromHeld], [account.payable(sellerId), fromPayable], [account.onHold(sellerId), fromHold], [account.feeRevenue, left / 10n], [this.receivable(which), debt], ['dispute_loss', left - left / 10n - debt], [this.dispute, -rest])); // prettier-ignore
      }
      case 'recover': {
        const paid = part(-this.owed(this.receivable(which)));
        return this.post('debt_recovered', legsOf([share % 2 ? 'bank' : 'stripe:available', paid], [this.receivable(which), -paid])); // prettier-ignore
      }
      case 'write_off': {
        const lost = part(-this.owed(this.receivable(which)));
        return this.post('written_off', legsOf(['bad_debt', lost], [this.receivable(which), -lost]));
      }
    }
  }

  private async refund(id: string, asked: Leg[]): Promise<void> {
    this.refunds.push({ id, asked, settled: null });
    await this.post('refund_asked', asked);
  }

  private async released(): Promise<bigint> {
    const { released } = await book.money(this.escrowId);
    return released > 0n ? released : 0n;
  }
}

test('any valid sequence of postings keeps the identity at each of its steps', async () => {
  const done = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 40 }), async (events) => {
      const escrow = new Escrow();
      const pay = (which: number): Event => ({ do: 'pay', which, share: 100, rate: 100 });
      for (const one of [pay(1), { ...pay(0), do: 'allocate' as const }, pay(2), ...events]) {
        await escrow.live(one);
        const money = await book.money(escrow.escrowId);
        expect([one.do, amounts(money), identityHolds(money)]).toEqual([one.do, amounts(money), true]);
        expect(money.held).toBeGreaterThanOrEqual(0n);
        expect(money.owed).toBeGreaterThanOrEqual(0n);
        for (const term of MONEY_TERMS) if (money[term] !== 0n) done.add(term);
      }
    }),
    { numRuns: 40 },
  );
  // Every term was something at some time.
  expect([...done].sort()).toEqual([...MONEY_TERMS].sort());
}, 400_000);
