// Money that a bank takes back: who bears it, what is held meanwhile, whose the fees are, and what has gone another way.
import type { Mutation } from './mutation.ts';

type Test = Mutation['test'];
const at = (file: string) => (guard: string, find: string, replace: string, test: Test): Mutation => ({ guard, file, find, replace, test }); // prettier-ignore

const clawback = (name: string): Test => ['test/chargebacks/clawback.test.ts', name];
const fees = (name: string): Test => ['test/chargebacks/fees.test.ts', name];
const gone = (name: string): Test => ['test/recovery/gone-another-way.test.ts', name];
const bank = (name: string): Test => ['test/recovery/bank-promises.test.ts', name];
const plannedLoss = (name: string): Test => ['test/chargebacks/promised.test.ts', name];
const chargeback = at('activities/chargeback.ts');
const dispute = at('activities/dispute-fees.ts');
const recover = at('activities/recover.ts');

export const LOSS_MUTATIONS: readonly Mutation[] = [
  at('payments/returned-debit.ts')('a late failure of an unknown shape is not divided', "charge.status !== 'failed' || bt === null || bt.amountMinor >= 0n", 'bt === null', ['test/worker/pump.test.ts', 'a charge that fails late is a loss']),
  chargeback('released money is taken back before a decision only where the terms say so', "policy.clawback !== 'at_opening' || ", '', clawback('by {} nothing is taken back')),
  chargeback('what is held back covers the loss', 'const reversedMinor = usedMinor + ', 'const reversedMinor = ', clawback('lost, after completion')),
  at('workflows/chargeback.ts')('what was held is paid again when it is won', 'payAgain(input, run, round, held);', '', clawback('won: held meanwhile')),
  at('workflows/chargeback.ts')('what the loss does not take is paid again', 'payAgain(input, run, round, plan.payAgain ?? []);', '', clawback('partly lost: what the loss')),
  recover('nothing released is asked back while a bank is at it', 'if (known === null && (await disputeHolds(tx, request.chargeId))) return', 'if (request.amount < 0) return', clawback('a refund of released money is refused')),
  recover('a confirmed refund of released money waits for the bank too', "known !== 'refunded' && (await disputeHolds(tx, request.chargeId))", 'request.amount < 0', clawback('a refund of released money is refused')),
  dispute('Stripe’s fees are the sellers’ only by the terms', "if (terms.policy.disputeFee !== 'seller') return;", '', fees('written off, it is the platform’s cost again')),
  dispute('a fee that Stripe gives back is owed no more', 'if (more < 0n) await giveBack(tx, dispute, debts, -more);', '', fees('passed on share by share')),
  dispute('what a seller has paid of it a person gives back', 'if (owedMinor === 0n) return;', 'return;', fees('passed on share by share')),
  at('activities/refund.ts')('a refund of money that has gone is an answer', 'if (code === null) throw error;', 'throw error;', gone('of the milestone: refused')),
  at('activities/release.ts')('a transfer of money that has gone is an answer', 'if (code === null) throw error;', 'throw error;', gone('of the charge, which a bank has taken')),
  at('workflows/payout.ts')('a refund that is too late is not asked of Stripe', 'const tooLate = !asked.unanswered && isTooLateForStripe(run.state, m, Date.now());', 'const tooLate = false;', bank('a cancellation: the escrow settles')),
  at('workflows/payout.ts')('a refund that Stripe refuses for good waits for the bank', 'isRefusedForGood(state, at, answer)', 'false', ['test/chargebacks/promised.test.ts', 'a part of it is kept by the chargeback']),
  at('db/bank-refunds.ts')('what the bank paid is booked once', 'return rows.length > 0;', 'return true;', ['test/recovery/refund-by-bank.test.ts', 'refused while Stripe can refund']),
  at('activities/refund.ts')('what was accepted is taken back with the bank’s payment', 'await withdraw(tx, order);\n    await useCharge', 'await useCharge', bank('a forced decision over a seller')),
  at('activities/refund.ts')('the bank pays nothing that a loss has taken', 'if (await isTakenByLoss(tx, bankOf)) throw new BankWasFirst();', '', bank('the loss is divided first')),
  at('activities/chargeback.ts')('a loss leaves alone what the bank has paid', 'UNION ALL SELECT id FROM bank_refunds WHERE charge_id = ${chargeId}', '', bank('the bank’s payment is booked')),
  at('activities/refund.ts')('a part that has paid its seller is not withdrawn', "if (netted > 0n || (transfer !== null && transfer.status !== 'reserved')) {", 'if (netted > 0n) {', gone('of a part that has paid its seller')),
  at('workflows/signals.ts')('a late payment’s return that comes back is read again', 'reopenReturn(run.state, signal.refundId);', '', ['test/workflows/funding.test.ts', 'money for a milestone that was given up meanwhile goes back']),
  at('workflows/payout.ts')('a promise stands whose bank payment the books refuse', 'if (part.needsBank) {', 'if (part.needsBank && part.amount < 0) {', bank('refused by the books alone')),
  at('activities/under-way.ts')('a transfer whose answer was lost is looked up before a loss is divided', 'if (found) await sql.begin((tx) => bookTransfer(tx as Tx, m.id, madeOf(found)));', '', ['test/chargebacks/promised.test.ts', 'a transfer that is under way']),
  at('activities/under-way.ts')('a transfer that somebody still calls for is waited for', 'else if (m.calling) waits', 'else if (m.calling && m.recovering) waits', ['test/chargebacks/promised.test.ts', 'a transfer that is under way']),
  chargeback('a transfer that is called for since the look is waited for', 'if (moved.length > 0) return', 'if (moved.length < 0) return', plannedLoss('takes all of a transfer')),
  at('db/movements.ts')('nobody calls for a transfer that a planned loss takes', 'amountMinor: known.amount }); // prettier-ignore', 'amountMinor: 0n }).catch(() => {});', plannedLoss('takes a piece of a transfer')),
  at('activities/release.ts')('no transfer is made of a part that a planned loss takes', 'await refuseWhatALossTakes(tx, { transferId: id, chargeId, milestoneId, part, amountMinor: payableMinor });', 'void [part, chargeId, refuseWhatALossTakes];', plannedLoss('takes a part that had no transfer yet')),
  at('db/movements.ts')('a transfer that has changed since it was read is read again', "params['amount'] !== Number(known.amount)", "params['amount'] === null", ['test/ledger/stripe-keys.test.ts', 'an amount that has changed since it was read']),
  at('activities/dispute-answers.ts')('each stage of a dispute is closed under its own key', '${disputeId}:close:${stageOf(phase, dispute)}', '${disputeId}:close:1', ['test/chargebacks/evidence.test.ts', 'are closed under keys of their own']),
  at('db/invariants.ts')('receivables are held to the open debts', '...(await receivablesAreDebts(tx)),', '', ['test/invariants/invariants.test.ts', '2: a debt that the ledger does not have']),
]; // prettier-ignore
