// Money out of one milestone: accepted parts to its seller, refunds to the buyer, one at a time and each under its guard.
import { ActivityFailure, patched } from '@temporalio/workflow';
import type { RefundAnswer, RefundOrder, TransferAnswer, TransferOrder } from '../activities/contract.ts';
import { REFUSED_BY_DISPUTE } from '../domain/chargeback.ts';
import { type EscrowState, freezesOver, isEscrowEnd, isReview, type MilestoneState, openAmount, type RefundPart, type ReleasePart, standingParts } from '../domain/escrow-state.ts'; // prettier-ignore
import { isTooLateForStripe } from '../domain/guards.ts';
import { transferIdOf } from '../domain/ids.ts';
import { NOT_REFUNDABLE } from '../domain/methods.ts';
import { plainMoney } from '../domain/money.ts';
import { canMove, moveMilestone } from '../domain/transitions.ts';
import { refundSettled } from './funding.ts';
import { addRefund, askedAnew, endRefund, freeze, resume, unblock, untold } from './moves.ts';
import { booking, money } from './proxies.ts';
import { type EscrowRun, hasOpenRefund, type Mark, PLATFORM, STRIPE, UNANSWERED } from './run.ts';

type RefundKind = 'refundToBuyer' | 'recordRefund' | 'refundByBank';
type RefundWork = { refund: RefundPart; kind: RefundKind } | { again: RefundPart } | { tooLate: RefundPart };

/** Guard G, as far as the workflow knows it: nothing frozen, money held. The database holds the rest of it. */
const mayMove = (run: EscrowRun, m: MilestoneState): boolean =>
  m.funds !== null && freezesOver(run.state, m).length === 0;

function nextRefund(run: EscrowRun, m: MilestoneState): RefundWork | null {
  const told = m.refunds.find((r) => ['pending', 'succeeded'].includes(r.status) && run.inbox.refunds.includes(r.id));
  const unanswered = run.state.frozen.some((f) => f.subject === m.id && f.detail === UNANSWERED);
  if (told && !unanswered) return { refund: told, kind: 'recordRefund' };
  // The money has left the platform's bank: whatever freezes the milestone meanwhile, the books say so.
  const paid = m.refunds.find((r) => r.status === 'asked' && r.bank);
  if (paid) return { refund: paid, kind: 'refundByBank' };
  // What ops review may go back to the buyer.
  if (m.funds === null || !freezesOver(run.state, m).every(isReview)) return null;
  const asked = m.refunds.find((r) => r.status === 'asked' && !r.needsBank);
  if (asked) {
    // Asked before and not answered, Stripe may have made it: its word comes first.
    const tooLate = !asked.unanswered && isTooLateForStripe(run.state, m, Date.now());
    return tooLate ? { tooLate: asked } : { refund: asked, kind: 'refundToBuyer' };
  }
  const failed = m.refunds.findLast((r) => r.status === 'failed');
  return failed && isDecided(m, failed) && openAmount(m) > 0 && !hasOpenRefund(m) ? { again: failed } : null;
}

/** Nobody can decide over these any more: a refund that failed is asked again when ops lift its freeze. */
const SETTLED: readonly MilestoneState['status'][] = ['accepted', 'releasing', 'blocked_kyc', 'blocked_funds'];

/** Beside a release, by a ruling or a forced decision, or a part beside a refund of all the rest: what was decided stands, whatever Stripe made of it. */
const isDecided = (m: MilestoneState, failed: RefundPart): boolean =>
  SETTLED.includes(m.status) ||
  (m.status === 'refunding' && (failed.before === 'refunding' || failed.partial === true));

function askAgain(state: EscrowState, mark: Mark, m: MilestoneState, failed: RefundPart): void {
  const amount = openAmount(m);
  addRefund(state, m, amount, failed.reason, null, m.status);
  mark.milestone(m);
  mark.event('refund.ordered', PLATFORM, m.id, { amount, reason: failed.reason });
}

/** Stripe can make it no more: the promise stands, and waits until two of ops have paid it by bank transfer. */
function owedByBank(mark: Mark, m: MilestoneState, part: RefundPart): void {
  part.needsBank = true;
  mark.milestone(m);
  mark.event('refund.needs_bank', PLATFORM, m.id, { refund_id: part.id, amount: part.chargeAmount });
}

function nextRelease(run: EscrowRun, m: MilestoneState): ReleasePart | null {
  if (!mayMove(run, m)) return null;
  return m.releases.find((r) => r.status === 'accepted' || r.status === 'releasing') ?? null;
}

/** Two legs beside each other, each with one call at a time: a refund that hangs does not keep the seller waiting. */
export async function milestoneMoney(run: EscrowRun, m: MilestoneState): Promise<void> {
  await Promise.all([
    leg(run, m, nextRefund, (work) =>
      'again' in work
        ? run.changeAndProject((state, mark) => askAgain(state, mark, inState(state, m), work.again))
        : 'tooLate' in work
          ? run.changeAndProject((_, mark) => owedByBank(mark, m, work.tooLate))
          : refund(run, m, work.refund, work.kind),
    ),
    leg(run, m, nextRelease, (part) => release(run, m, part)),
  ]);
}

async function leg<Work>(
  run: EscrowRun,
  m: MilestoneState,
  next: (run: EscrowRun, m: MilestoneState) => Work | null,
  work: (w: Work) => Promise<void>,
): Promise<void> {
  // Not the milestone's own end: a refund may fail days after it succeeded.
  const over = () => isEscrowEnd(run.state.status);
  while (!over() && !run.handover) {
    const found = next(run, m);
    if (found === null) await run.until(() => over() || next(run, m) !== null);
    else await work(found);
  }
}

const inState = (state: EscrowState, m: MilestoneState): MilestoneState => state.milestones.find((x) => x.id === m.id)!;

async function release(run: EscrowRun, m: MilestoneState, part: ReleasePart): Promise<void> {
  part.status = 'releasing';
  if (canMove(m, 'release')) moveMilestone(m, 'release');
  const { after, arrived } = run.foresee((state, mark) => released(mark, inState(state, m), part.part));
  const currency = run.state.settlementCurrency!;
  const earned = part.earned ?? part;
  const order: TransferOrder = {
    escrowId: run.state.id,
    milestoneId: m.id,
    sellerId: m.sellerId,
    part: part.part,
    generation: part.generation,
    chargeId: m.funds!.chargeId,
    paymentId: m.funds!.paymentId,
    currency,
    principal: earned.principal,
    sellerFee: earned.sellerFee,
    buyerFee: earned.buyerFee,
    payable: part.payable,
    after,
  };
  const told = run.activations.get(m.sellerId);
  const answer = await transferred(
    money(`transfer ${plainMoney(part.payable, currency)} for ${m.id}`).transferToSeller(order),
  );
  if (answer.outcome === 'released') return arrived();
  await run.changeAndProject((state, mark) => {
    blocked(state, mark, inState(state, m), part.part, answer);
    // The seller became able to receive while Stripe was still saying no: nobody will tell it again.
    if (run.activations.get(m.sellerId) !== told) unblock(state, mark, m.sellerId);
  });
}

/** An activity that gave up leaves its outcome unknown: the same key may follow, a new one may not. */
type Answer = TransferAnswer | { outcome: 'unknown'; message: string };

async function transferred(work: Promise<TransferAnswer>): Promise<Answer> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    return { outcome: 'unknown', message: error.cause?.message ?? error.message };
  }
}

function released(mark: Mark, m: MilestoneState, number: number): void {
  const part = m.releases.find((r) => r.part === number)!;
  part.status = 'released';
  part.transferId = transferIdOf(m.id, number);
  endRelease(m);
  mark.milestone(m);
  mark.event('milestone.released', STRIPE, m.id, {
    amount: part.payable,
    part: number,
    automatic: part.automatic,
    transfer_id: part.transferId,
  });
}

/** At its end when every part that is still the seller's was transferred, and nothing of the rest is held or on its way. */
export function endRelease(m: MilestoneState): void {
  const parts = standingParts(m);
  if (parts.length === 0 || !parts.every((r) => r.status === 'released')) return;
  if (openAmount(m) > 0 || hasOpenRefund(m)) return;
  if (m.status === 'accepted' || m.status === 'releasing') moveMilestone(m, 'released');
}

/** The money is the seller's and stays; what keeps it is said, and what brings it on. */
function blocked(state: EscrowState, mark: Mark, m: MilestoneState, number: number, answer: Answer): void {
  const part = m.releases.find((r) => r.part === number)!;
  const now = Date.now();
  let again = false;
  // A bank took it meanwhile: nothing is left to be transferred.
  if (part.status === 'charged_back') return;
  switch (answer.outcome) {
    case 'blocked_kyc':
      part.status = 'blocked_kyc';
      // Tried again and refused again is no news; the reminder comes when it was due.
      again = part.retryAt !== null;
      part.retryAt ??= now + state.terms.policy.kycNudgeMs;
      if (canMove(m, 'block_kyc')) moveMilestone(m, 'block_kyc');
      break;
    case 'blocked_funds':
      part.status = 'blocked_funds';
      part.retryAt = now + state.terms.policy.topUpMs;
      if (canMove(m, 'block_funds')) moveMilestone(m, 'block_funds');
      break;
    case 'held_first_release':
      part.status = 'held_first_release';
      // At least a second later: the database's clock decides, and ours may be a little ahead of it.
      part.retryAt = Math.max(answer.until, now + 1000);
      if (canMove(m, 'hold_first_release')) moveMilestone(m, 'hold_first_release');
      mark.milestone(m);
      mark.event('milestone.held_first_release', PLATFORM, m.id, { part: number, until: part.retryAt });
      return;
    case 'refused':
      part.status = 'blocked_ops';
      freeze(state, mark, {
        reason: 'ops',
        scope: 'milestone',
        subject: m.id,
        detail: `transfer refused: ${answer.code}`,
        since: now,
      });
      break;
    case 'unknown':
      part.status = 'accepted';
      freeze(state, mark, {
        reason: 'ops',
        scope: 'milestone',
        subject: m.id,
        detail: `transfer without an answer: ${answer.message}`,
        since: now,
      });
      break;
    case 'charged_back':
      // Its dispute tells what was taken, and is on its way.
      part.status = 'charged_back';
      mark.milestone(m);
      return;
    case 'released':
      return;
  }
  mark.milestone(m);
  if (again) return;
  mark.event(`milestone.${part.status}`, STRIPE, m.id, {
    part: number,
    ...(answer.outcome === 'refused' ? { code: answer.code } : {}),
  });
}

async function refund(run: EscrowRun, m: MilestoneState, part: RefundPart, kind: RefundKind): Promise<void> {
  // Only a reading takes note of the webhook: asked again under the same key, the answer may be older than it.
  if (kind === 'recordRefund') run.inbox.refunds = run.inbox.refunds.filter((id) => id !== part.id);
  const { after, arrived } = run.foresee((state, mark) => refunded(mark, inState(state, m), part.id));
  // Its own end is foreseen; for all else it is not over before its answer.
  if (kind === 'recordRefund') run.unread.add(part.id);
  const currency = run.state.terms.currency;
  const order: RefundOrder = {
    escrowId: run.state.id,
    refundId: part.id,
    generation: part.generation,
    paymentId: m.funds!.paymentId,
    paymentIntentId: run.state.payments.find((p) => p.id === m.funds!.paymentId)!.paymentIntentId!,
    chargeId: m.funds!.chargeId,
    amount: part.chargeAmount,
    currency,
    settlementCurrency: run.state.settlementCurrency!,
    reason: part.reason,
    milestone: {
      id: m.id,
      sellerId: m.sellerId,
      principal: part.principal,
      buyerFee: part.buyerFee,
      buyerFeeReturned: part.buyerFeeReturned,
    },
    ...(part.withdrawn ? { withdrawn: part.withdrawn } : {}),
    after,
  };
  const summary = `refund ${plainMoney(part.chargeAmount, currency)} of ${m.id}`;
  const answer = await refundSettled(
    kind === 'refundByBank'
      ? booking(`${summary}, paid by bank transfer`).refundByBank({
          ...order,
          bank: part.bank!,
          heard: run.state.cardDisputes.filter((d) => d.taken).map((d) => d.id),
        })
      : money(summary)[kind](order),
  );
  if (answer.outcome !== 'unknown') run.unread.delete(part.id);
  if (answer.outcome === 'succeeded') return arrived();
  if (answer.outcome === 'unknown' && kind === 'recordRefund') run.inbox.refunds.push(part.id);
  await run.changeAndProject((state, mark) => {
    const at = inState(state, m);
    const r = at.refunds.find((x) => x.id === part.id)!;
    r.stripeRefundId = answer.stripeRefundId ?? r.stripeRefundId;
    mark.milestone(at);
    // A bank gave it back meanwhile.
    if (r.status === 'charged_back') return;
    if (answer.outcome === 'unknown') {
      if (kind === 'refundToBuyer') r.unanswered = true;
      // Asked, and perhaps done: it is asked again under the same key when ops lift the freeze.
      freeze(state, mark, {
        reason: 'ops',
        scope: 'milestone',
        subject: m.id,
        detail: UNANSWERED,
        since: Date.now(),
      });
    } else if (answer.outcome === 'pending') {
      if (r.status !== 'pending') mark.event('refund.pending', STRIPE, at.id, { refund_id: r.id, amount: r.amount });
      r.status = 'pending';
    } else if (isRefusedForGood(state, at, answer)) {
      r.status = 'failed';
      owedByBank(mark, at, askedAnew(at, r));
    } else if (!REFUSED_BY_DISPUTE.has(answer.code ?? '') || !waitForBank(state, mark, at, r)) {
      refundFailed(state, mark, at, r, answer.code);
    }
  });
}

function refunded(mark: Mark, m: MilestoneState, refundId: string): void {
  const part = m.refunds.find((r) => r.id === refundId)!;
  part.status = 'succeeded';
  endRefund(m);
  endRelease(m);
  mark.milestone(m);
  const of = { refund_id: refundId, amount: part.chargeAmount };
  if (part.bank) mark.event('refund.paid_by_bank', PLATFORM, m.id, { ...of, reference: part.bank.reference });
  else mark.event('refund.succeeded', STRIPE, m.id, of);
}

/** Asked again it would be refused again: a charge that Stripe refunds no more, also because a bank has decided over it. */
function isRefusedForGood(state: EscrowState, m: MilestoneState, { outcome, code }: RefundAnswer): boolean {
  if (outcome !== 'refused' || code === null) return false;
  const lost = state.cardDisputes.some((d) => d.chargeId === m.funds!.chargeId && d.state === 'lost');
  return NOT_REFUNDABLE.has(code) || (REFUSED_BY_DISPUTE.has(code) && lost);
}

/**
 * No refund of a disputed charge: an answer, not a failure. What was promised stays promised, and is asked again when the
 * dispute has ended, or has gone to the buyer by it. False where the bank has decided already: ops look at it.
 */
function waitForBank(state: EscrowState, mark: Mark, m: MilestoneState, part: RefundPart): boolean {
  const { chargeId } = m.funds!;
  const disputes = state.cardDisputes.filter((d) => d.chargeId === chargeId);
  const open = disputes.find((d) => d.state === 'open');
  if (open === undefined && disputes.length > 0) return false;
  part.status = 'failed';
  const again = askedAnew(m, part);
  if (!freezesOver(state, m).some((f) => f.reason === 'card_dispute')) {
    const detail = open?.id ?? untold(chargeId);
    freeze(state, mark, { reason: 'card_dispute', scope: 'milestone', subject: m.id, detail, since: Date.now() });
  }
  mark.event('refund.waits', STRIPE, m.id, { refund_id: again.id, amount: again.amount });
  return true;
}

/**
 * Where it was before; a decision is not undone by the bank: beside its release, or by itself, it waits to be made again. So
 * does a part of which the rest was decided meanwhile: nobody's inspection runs for it any more, and it stays the buyer's.
 */
function afterFailure(m: MilestoneState, part: RefundPart): MilestoneState['status'] {
  if (SETTLED.includes(part.before)) return 'accepted';
  const decidedSince = part.partial === true && patched('partial-refund-stands');
  if (part.before !== 'refunding' && !decidedSince) return part.before;
  return standingParts(m).length > 0 ? 'accepted' : 'refunding';
}

/** As before, and ops look at it: the money is held again, and nothing moves until they say so. */
function refundFailed(state: EscrowState, mark: Mark, m: MilestoneState, part: RefundPart, code: string | null): void {
  part.status = 'failed';
  if (part.needsBank) {
    // The books refused what the bank had paid: the promise stands, and ops look where the money has gone.
    askedAnew(m, part);
    frozenByFailure(state, mark, m, part, code);
    return;
  }
  m.refunded -= part.amount;
  // Where a part alone was refunded, the milestone is still where it was.
  if (canMove(m, 'refund_failed')) {
    moveMilestone(m, 'refund_failed', afterFailure(m, part));
    m.inspection = resume(m.inspection, Date.now());
  }
  frozenByFailure(state, mark, m, part, code);
}

function frozenByFailure(
  state: EscrowState,
  mark: Mark,
  m: MilestoneState,
  part: RefundPart,
  code: string | null,
): void {
  freeze(state, mark, {
    reason: 'ops',
    scope: 'milestone',
    subject: m.id,
    detail: `refund failed: ${code}`,
    since: Date.now(),
  });
  mark.event('refund.failed', PLATFORM, m.id, { refund_id: part.id, amount: part.amount, code });
}
