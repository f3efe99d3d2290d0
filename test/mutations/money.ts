// Money's way through activities and workflow: reservations, Stripe's keys, netting, Guard G where it moves.
import type { Mutation } from './mutation.ts';

type Test = Mutation['test'];
const at = (file: string) => (guard: string, find: string, replace: string, test: Test): Mutation => ({ guard, file, find, replace, test }); // prettier-ignore

const keys = (name: string): Test => ['test/ledger/stripe-keys.test.ts', name];
const lock = (name: string): Test => ['test/ledger/locks.test.ts', name];
const simulated: Test = ['test/simulation/simulation.test.ts', 'a hundred seeds converge within one process'];

const call = at('activities/stripe-call.ts');
const movements = at('db/movements.ts');
const refund = at('activities/refund-flow.ts');
const pay = at('activities/pay.ts');
const recover = at('activities/recover.ts');
const debts = at('db/debts.ts');
const recoveries = at('db/recoveries.ts');

export const KEY_MUTATIONS: readonly Mutation[] = [
  at('domain/ids.ts')('Stripe’s key is made of the escrow’s own facts', "return `${escrowId}:${subject}:${operation}:${generation}`;", "return `${escrowId}:${subject}:${operation}:${generation}:${Math.random()}`;", keys('a repetition uses the same key')),
  at('domain/ids.ts')('a new generation is another key', "${operation}:${generation}`;", '${operation}`;', keys('a refusal is noted, and the next generation has another key')),
  movements('the same key with other parameters does not reach Stripe', 'if (rows[0]?.params_hash !== hash) throw', 'if (rows[0] === undefined) throw', keys('the same key with other parameters never reaches Stripe')),
  call('that is a person’s to look at, never retried', "if (error instanceof KeyMismatch) throw final('KeyMismatch', error.message);", '', keys('the same key with other parameters never reaches Stripe')),
  call('a key that Stripe may have forgotten is looked up first', 'if (age !== null && age > KEY_LIFE_MS) {', 'if (age === -1) {', keys('is not used where the look finds what it did')),
  call('a stored failure is looked behind', "if (error.kind === 'replayed_failure') return afterStoredFailure(deps, w, error);", '', keys('is looked behind: what it did counts')),
  call('no fresh key before the look', 'const found = await w.find();\n  if (found) return found;\n  deps', 'deps', keys('is looked behind: what it did counts')),
  call('the fresh key is the same at each repetition', ':fresh`;', ':fresh:${Math.random()}`;', keys('that did nothing is followed by one fresh key')),
  call('a refusal is noted', 'await deps.sql.begin((tx) => noteRefusal(tx as Tx, w.movementId, w.generation, error.code));', '', keys('a refusal is noted')),
  call('Stripe’s word that a key was used otherwise is final', "error.kind === 'key_mismatch' || ", '', keys('key_mismatch ends the activity for good')),
]; // prettier-ignore

export const MONEY_MUTATIONS: readonly Mutation[] = [
  at('activities/release.ts')('a transfer is reserved at its charge', 'if (created) await useCharge(tx, order.chargeId, { transferred: restMinor });', '', ['test/reconciliation/by-hand.test.ts', 'where everything went through the product a run is clean']),
  refund('a refund is reserved at its charge', 'await useCharge(tx, order.chargeId, { refunded: settledMinor });', '', ['test/workflows/refunds.test.ts', 'ops alone may refund what is held']),
  refund('a refund that failed gives its reservation back', 'await useCharge(tx, order.chargeId, { refunded: -known.settled_amount });', '', ['test/workflows/refunds.test.ts', 'refused by Stripe: held as before']),
  pay('money that came too late is not allocated', 'if (order.allocate) await allocate', 'if (order.amount > 0) await allocate', ['test/workflows/funding.test.ts', 'money that arrives after the expiry goes back whole']),
  debts('netting locks the debts that it takes', "AND status = 'open'\n    ORDER BY created_at, id FOR UPDATE`;", "AND status = 'open'\n    ORDER BY created_at, id`;", lock('two releases take one debt once')),
  debts('netting takes no more than is paid', 'const amountMinor = open < left ? open : left;', 'const amountMinor = open;', lock('two releases take one debt once')),
  debts('no more is repaid than is open', 'if (amountMinor <= 0n || amountMinor > open) {', 'if (amountMinor <= 0n) {', ['test/recovery/debts.test.ts', 'repaid in two, each once']),
  debts('a repeated repayment takes nothing more', 'if (done) return debt;', '', lock('a repayment whose command is repeated takes nothing more')),
  recoveries('released money is taken back under a lock', "WHERE milestone_id = ${milestoneId} ORDER BY part FOR UPDATE`;", "WHERE milestone_id = ${milestoneId} ORDER BY part`;", lock('two refunds of released money take no more than there is')),
  recoveries('what is taken back is noted', 'for (const p of pieces) await take(tx, r.milestoneId, p, 1n);', '', lock('two refunds of released money take no more than there is')),
  at('domain/recovery.ts')('no more is taken back than is left', 'return wanted > 0n ? null : pieces;', 'return pieces;', ['test/domain/recovery.test.ts', 'the newest part goes first, and more than there is is refused']),
  recover('what the seller’s balance does not cover is owed', '      await openDebt(tx, {', '      if (false) await openDebt(tx, {', ['test/recovery/debts.test.ts', 'two releases at once share one debt']),
  recover('paying again is reserved at its charge', 'if (created) await useCharge(tx, subject.chargeId, { transferred: owedMinor });', '', ['test/recovery/refund-after-release.test.ts', 'refused by Stripe: the seller is paid again']),
  at('db/bookings.ts')('a reversal gives back what its charge may give', 'if (known.stripe_charge_id !== null) await useCharge(tx, known.stripe_charge_id, { reversed: bt.amountMinor });', '', ['test/recovery/refund-after-release.test.ts', 'the buyer asks, the seller confirms']),
  at('domain/allocation.ts')('pieces are cut from the rest: no unit is given twice', 'const taken = [...m.releases, ...standing(m)];', 'const taken = [...m.releases];', ['test/domain/allocation.test.ts', 'principal and buyer’s fee sum exactly to what the charge brought']),
]; // prettier-ignore

export const WORKFLOW_MUTATIONS: readonly Mutation[] = [
  at('workflows/payout.ts')('Guard G in the workflow: money moves while nothing freezes it', 'm.funds !== null && freezesOver(run.state, m).length === 0;', 'm.funds !== null;', ['test/workflows/release.test.ts', 'frozen by ops while its seller could not receive']),
  at('workflows/commands.ts')('a command that is repeated does nothing again', 'if (!run.recent.includes(input.commandId)) {', 'if (input.commandId.length > 0) {', ['test/workflows/durability.test.ts', 'a command that is repeated to a later run is known there']),
  at('workflows/fund.ts')('no other way to pay stays open', '(!covers(p, chosen) || isAnotherWay(p, i)) &&', '!covers(p, chosen) &&', ['test/workflows/checkout.test.ts', 'each way is closed before the other opens']),
  at('workflows/fund.ts')('a page that is over is not led to again', 'MAY_CANCEL.has(p.status) && Boolean(p.checkout?.sessionId) && covers', 'p.busy && covers', ['test/workflows/checkout.test.ts', 'a page that is over before its webhook comes']),
  at('workflows/payout.ts')('a part that comes back opens nothing that was decided since', "const decidedSince = part.partial === true && patched('partial-refund-stands');", 'const decidedSince = Boolean(0 as unknown as typeof patched);', ['test/workflows/refunds.test.ts', 'a part that comes back after the rest was accepted']),
  at('workflows/moves.ts')('a milestone is not refunded while a part of it has come back', "if (m.status !== 'refunding' || openAmount(m) > 0) return;", "if (m.status !== 'refunding') return;", ['test/workflows/refunds.test.ts', 'a part that comes back while the rest is on its way']),
  at('workflows/run.ts')('what changed beside a foreseen change is projected anew', 'if (!covers(after, snapshotOf(this.state), numbers.revision, touched)) await this.projectNewest();', '', simulated),
]; // prettier-ignore
