// What a lost card dispute took of a milestone: the bank gave the buyer held money back, so that it is not there to be
// released or refunded again.
import type { EscrowState, MilestoneState, RefundPart } from '../domain/escrow-state.ts';
import { openAmount, standingParts } from '../domain/escrow-state.ts';
import { canMove, moveMilestone } from '../domain/transitions.ts';
import { askedAnew, unfreeze } from './moves.ts';
import { endRelease } from './payout.ts';
import { hasOpenRefund, type Mark } from './run.ts';

/** Held money that the bank took; settlement currency. */
export interface Taken {
  milestoneId: string;
  principal: number;
  buyerFee: number;
}

/**
 * First what was promised to the buyer and never left (the chargeback has kept the promise), then what nobody accepted, then
 * parts on their way, the last ones first; a piece that is not taken whole becomes smaller. `refunded`: refunds that Stripe
 * has made or is making, although their answer may not have come here.
 */
export function take(
  state: EscrowState,
  mark: Mark,
  disputeId: string,
  taken: Taken,
  refunded?: readonly string[],
): void {
  const m = state.milestones.find((x) => x.id === taken.milestoneId);
  if (!m || m.funds === null) return;
  const left = { principal: taken.principal, buyerFee: taken.buyerFee };
  // Under way or made here and not among them, it has failed or come back at Stripe, and its word is on its way. What a loss took before is none.
  const ours = m.refunds.filter((r) => r.id.startsWith('rfd_') && !refunded?.includes(r.id));
  const gone = refunded === undefined ? ['asked', 'pending'] : ['asked', 'pending', 'succeeded'];
  for (const part of ours.filter((r) => gone.includes(r.status))) takePromised(m, part, left);
  takeOpen(m, disputeId, left);
  takeAccepted(m, disputeId, left);
  settle(state, m, mark);
}

/** Of one accepted part, before it was transferred: what is left of it is transferred under a key of its own. */
export function takePart(
  state: EscrowState,
  mark: Mark,
  disputeId: string,
  taken: { milestoneId: string; part: number; payable: number },
): void {
  const m = state.milestones.find((x) => x.id === taken.milestoneId);
  const part = m?.releases.find((r) => r.part === taken.part);
  if (!m || !part) return;
  if (taken.payable >= part.payable) {
    part.status = 'charged_back';
    m.accepted -= part.amount;
    m.refunded += part.amount;
  } else {
    const { principal, sellerFee, buyerFee } = part;
    part.earned ??= { principal, sellerFee, buyerFee };
    const of = (n: number) => Math.floor((n * taken.payable) / part.payable);
    const fee = of(part.sellerFee);
    const piece = { amount: of(part.amount), principal: taken.payable + fee, buyerFee: of(part.buyerFee) };
    part.amount -= piece.amount;
    part.principal -= piece.principal;
    part.sellerFee -= fee;
    part.buyerFee -= piece.buyerFee;
    part.payable -= taken.payable;
    part.generation += 1;
    m.accepted -= piece.amount;
    give(m, disputeId, piece);
  }
  settle(state, m, mark);
}

/** At its end when the bank took all that was left. */
function settle(state: EscrowState, m: MilestoneState, mark: Mark): void {
  mark.milestone(m);
  // Beside a release that has come through, what was left was all that kept it open.
  endRelease(m);
  if (openAmount(m) > 0) return;
  if (m.status === 'refunding') {
    if (!hasOpenRefund(m)) moveMilestone(m, 'refunded', endOf(m));
    return;
  }
  // What is left of an accepted part goes on from where it stands.
  if (!canMove(m, 'charged_back') || (endOf(m) === 'accepted' && ON_ITS_WAY.includes(m.status))) return;
  m.inspection = null;
  if (m.dispute && m.dispute.status !== 'settled') {
    const { id } = m.dispute;
    m.dispute.status = 'settled';
    // Nothing is left to dispute: parts that were accepted before it go on.
    unfreeze(state, mark, (f) => f.reason === 'in_product_dispute' && f.detail === id);
  }
  moveMilestone(m, 'charged_back', endOf(m));
}

const ON_ITS_WAY: readonly MilestoneState['status'][] = ['accepted', 'releasing', 'blocked_kyc', 'blocked_funds'];

type Left = Pick<Taken, 'principal' | 'buyerFee'>;

/** A refund that Stripe does not have: the buyer has this money already. */
function takePromised(m: MilestoneState, part: RefundPart, left: Left): void {
  if (left.principal === 0) return;
  if (part.principal <= left.principal) {
    left.principal -= part.principal;
    left.buyerFee -= Math.min(left.buyerFee, part.buyerFee);
    part.status = 'charged_back';
    return;
  }
  // In two: what the bank has given, and the rest, which is asked under an id of its own.
  const { principal } = left;
  const of = (n: number) => Math.floor((n * principal) / part.principal);
  const buyerFee = Math.min(left.buyerFee, of(part.buyerFee));
  const returned = part.buyerFeeReturned > 0 ? buyerFee : 0;
  const converted = part.chargeAmount !== part.principal + part.buyerFeeReturned;
  const piece = { amount: of(part.amount), principal, buyerFee, buyerFeeReturned: returned, chargeAmount: converted ? of(part.chargeAmount) : principal + returned }; // prettier-ignore
  const rest = askedAnew(m, part);
  for (const key of ['amount', 'principal', 'buyerFee', 'buyerFeeReturned', 'chargeAmount'] as const) {
    part[key] = piece[key];
    rest[key] -= piece[key];
  }
  part.status = 'charged_back';
  left.principal = 0;
  left.buyerFee -= buyerFee;
}

function takeOpen(m: MilestoneState, disputeId: string, left: Left): void {
  const standing = [...m.releases, ...m.refunds.filter((r) => r.status !== 'failed')];
  const openPrincipal = m.funds!.principal - standing.reduce((sum, p) => sum + p.principal, 0);
  const principal = Math.min(left.principal, openPrincipal);
  const amount = principal === openPrincipal ? openAmount(m) : Math.floor((openAmount(m) * principal) / openPrincipal);
  const openFee = m.funds!.buyerFee - standing.reduce((sum, p) => sum + p.buyerFee, 0);
  left.principal -= principal;
  const buyerFee = left.principal > 0 ? Math.min(left.buyerFee, openFee) : left.buyerFee;
  if (principal > 0 || buyerFee > 0) give(m, disputeId, { amount, principal, buyerFee });
  left.buyerFee -= buyerFee;
}

function takeAccepted(m: MilestoneState, disputeId: string, left: Left): void {
  for (const part of [...m.releases].reverse()) {
    if (left.principal <= 0 || ['released', 'charged_back', 'withdrawn'].includes(part.status)) continue;
    const whole = part.principal <= left.principal;
    const principal = whole ? part.principal : left.principal;
    const of = (n: number) => (whole ? n : Math.floor((n * principal) / part.principal));
    const piece = { amount: of(part.amount), principal, buyerFee: Math.min(left.buyerFee, part.buyerFee) };
    left.principal -= principal;
    left.buyerFee -= piece.buyerFee;
    m.accepted -= piece.amount;
    if (whole) {
      part.status = 'charged_back';
      m.refunded += piece.amount;
      continue;
    }
    const sellerFee = of(part.sellerFee);
    part.amount -= piece.amount;
    part.principal -= principal;
    part.buyerFee -= piece.buyerFee;
    part.sellerFee -= sellerFee;
    part.payable = part.principal - part.sellerFee;
    give(m, disputeId, piece);
  }
}

/** Recorded as what it is to the milestone: money that went back to the buyer, so that later pieces are cut from the rest. */
function give(m: MilestoneState, disputeId: string, p: { amount: number; principal: number; buyerFee: number }): void {
  m.refunded += p.amount;
  m.refunds.push({
    id: `${disputeId}_${m.refunds.length + 1}`,
    part: m.refunds.length + 1,
    chargeAmount: p.amount + p.buyerFee,
    buyerFeeReturned: p.buyerFee,
    status: 'succeeded',
    generation: 1,
    stripeRefundId: null,
    reason: `chargeback ${disputeId}`,
    before: m.status,
    ...p,
  });
}

function endOf(m: MilestoneState): 'refunded' | 'released' | 'accepted' {
  const live = standingParts(m);
  if (live.length === 0) return 'refunded';
  return live.every((r) => r.status === 'released') ? 'released' : 'accepted';
}
