// What a chargeback would do, without one: whose loss it would be, the postings, the reversals and the states, by the very rules
// that divide a real one. Pure.
import { type MilestoneLoss, type MilestoneMoney, planLoss, wholeLoss } from './chargeback.ts';
import { type EscrowState, isEscrowEnd, type MilestoneState, openAmount, standingParts } from './escrow-state.ts';
import { plainMoney, share, toInteger } from './money.ts';
import type { BalanceTransaction } from './postings.ts';
import { disputeLost, disputeMoney } from './postings-dispute.ts';
import { transferredAgain } from './postings-recovery.ts';
import { closeIfDone, copyOf, foreseen, moneyAfter, type MoneyTerms, type Preview, takenBack } from './preview.ts'; // prettier-ignore
import { canMove, type Refusal } from './transitions.ts';

export interface AssumedChargeback {
  /** Terms' currency; null: the whole charge. */
  amount: number | null;
  /** Milestones that the buyer names; none: all that the charge paid for. */
  named: readonly string[];
  outcome: 'won' | 'lost';
  /** Whether what sellers have at Stripe covers what is taken back from them. */
  balances: 'enough' | 'empty';
}

export interface ChargedMoney {
  money: MoneyTerms;
  /** Terms' currency. */
  chargedMinor: bigint;
  /** Settlement currency. */
  capturedMinor: bigint;
  /** Stripe knows a dispute of it already. */
  disputed: boolean;
  /** Not available at Stripe yet. */
  pending: boolean;
  /** `reversibleMinor`: of what was transferred, not reversed yet. */
  milestones: readonly (MilestoneMoney & { reversibleMinor: bigint })[];
}

/** Nothing to ask about, or nobody who may ask. */
export interface NotAsked {
  money: MoneyTerms;
  refusal: Refusal;
}

/** Who bears what of one milestone; settlement currency. */
export interface PreviewedLoss {
  milestoneId: string;
  sellerId: string;
  /** All that falls on it; the others sum to it. */
  wholeMinor: bigint;
  /** Held, or accepted and not transferred. */
  unreleasedMinor: bigint;
  feesReturnedMinor: bigint;
  reversedMinor: bigint;
  owedMinor: bigint;
  platformMinor: bigint;
}

export interface ChargebackPreview extends Preview {
  losses: PreviewedLoss[];
}

/** In the ledger a dispute has an account of its own; this one has not been made. */
const DISPUTE = 'preview';

/** Nothing moves: why it cannot be asked, or what there is to ask about. */
export function previewChargeback(
  before: EscrowState,
  assumed: AssumedChargeback,
  facts: ChargedMoney | NotAsked,
): ChargebackPreview {
  const state = copyOf(before);
  const refusal = 'refusal' in facts ? facts.refusal : refusalOf(before, assumed, facts);
  const run: Followed = { postings: [], calls: [], losses: [] };
  if (refusal === null) follow(state, assumed, facts as ChargedMoney, run);
  return {
    refusal,
    needs: null,
    waits: [],
    notes: refusal === null ? notesOf(before, assumed) : [],
    ...run,
    escrow: state.status,
    milestones: state.milestones.map(({ id, status }) => ({ id, status })),
    moneyAfter: moneyAfter(facts.money, before.id, run.postings),
  };
}

type Followed = Pick<ChargebackPreview, 'postings' | 'calls' | 'losses'>;

function follow(state: EscrowState, assumed: AssumedChargeback, facts: ChargedMoney, run: Followed): void {
  const currency = state.settlementCurrency ?? state.terms.currency;
  const moved = (amountMinor: bigint) => foreseen(amountMinor, { currency, pending: facts.pending });
  // At the charge's own rate: what the day's rate makes of it more or less is fx.
  const lostMinor = share(facts.capturedMinor, BigInt(assumed.amount ?? facts.chargedMinor), facts.chargedMinor);
  run.postings.push({ kind: 'dispute_withdrawn', legs: disputeMoney(DISPUTE, moved(-lostMinor)) });
  const reinstated = { kind: 'dispute_reinstated', legs: disputeMoney(DISPUTE, moved(lostMinor)) };
  if (assumed.outcome === 'won' && state.terms.policy.clawback !== 'at_opening') {
    run.postings.push(reinstated);
    return;
  }
  const plan = planLoss(lostMinor, facts.milestones, assumed.named, state.terms.policy);
  const borne = plan.parts.map((p) => {
    const { reversibleMinor } = facts.milestones.find((m) => m.milestoneId === p.milestoneId)!;
    const most = assumed.balances === 'empty' ? 0n : reversibleMinor;
    const reversedMinor = p.fromSellerMinor < most ? p.fromSellerMinor : most;
    return { ...p, reversedMinor, debtMinor: p.fromSellerMinor - reversedMinor };
  });
  if (assumed.outcome === 'won') {
    // By the terms: taken back when the dispute opened, and paid again, all of it.
    for (const p of borne) takenBack(run, p, moved(p.reversedMinor));
    run.postings.push(reinstated);
    for (const p of borne) paidAgain(run, p, moved(-p.reversedMinor));
    return;
  }
  for (const p of borne) {
    const { milestoneId, sellerId, reversedMinor } = p;
    run.losses.push({ milestoneId, sellerId, wholeMinor: wholeLoss(p), unreleasedMinor: p.heldMinor + p.feeUnearnedMinor + p.payableMinor, feesReturnedMinor: p.feeReturnedMinor, reversedMinor, owedMinor: p.debtMinor, platformMinor: p.platformMinor }); // prettier-ignore
    takenBack(run, { milestoneId, sellerId }, moved(reversedMinor));
  }
  run.postings.push({ kind: 'dispute_lost', legs: disputeLost(DISPUTE, borne, plan.unassignedMinor) });
  // What has ended stays as it ended: only its money changes.
  if (isEscrowEnd(state.status)) return;
  for (const p of plan.parts)
    take(
      state.milestones.find((m) => m.id === p.milestoneId)!,
      p,
    );
  closeIfDone(state);
}

/** A transfer of its own, from the platform's balance: what came back goes to its seller. */
function paidAgain(run: Followed, of: { milestoneId: string; sellerId: string }, transfer: BalanceTransaction): void {
  const { amountMinor, currency } = transfer;
  if (amountMinor === 0n) return;
  run.postings.push({ kind: 'transferred_again', legs: transferredAgain(of, transfer) });
  run.calls.push({ call: 'transfers.create', amount: toInteger(-amountMinor), currency, milestoneId: of.milestoneId, subject: null }); // prettier-ignore
}

function refusalOf(state: EscrowState, { amount, named }: AssumedChargeback, facts: ChargedMoney): Refusal | null {
  if (facts.disputed) return { code: 'action_not_available', message: 'Stripe knows a dispute of this payment already: read that one.' }; // prettier-ignore
  if (amount !== null && (amount <= 0 || BigInt(amount) > facts.chargedMinor)) {
    return { code: 'amount_invalid', message: `A bank can dispute at most the ${plainMoney(toInteger(facts.chargedMinor), state.terms.currency)} that were charged.`, param: 'amount' }; // prettier-ignore
  }
  const stranger = named.find((id) => !facts.milestones.some((m) => m.milestoneId === id));
  if (stranger !== undefined) return { code: 'action_not_available', message: `This payment did not pay for ${stranger}.`, param: 'milestone_ids' }; // prettier-ignore
  const moving = state.milestones.some((m) => facts.milestones.some((f) => f.milestoneId === m.id) && m.refunds.some((r) => r.status === 'asked' || r.status === 'pending')); // prettier-ignore
  return moving ? { code: 'action_not_available', message: 'A refund of the same money is under way, and a loss is divided only over money that stands still: ask again when it has ended.' } : null; // prettier-ignore
}

function notesOf({ terms }: EscrowState, { outcome, balances }: AssumedChargeback): string[] {
  const fees = terms.policy.disputeFee === 'seller' && outcome === 'lost' ? 'its sellers owe it by their shares of the loss' : 'the platform bears it'; // prettier-ignore
  return [
    'Until the bank has decided, what the dispute is about stands still.',
    `Stripe’s fee for the dispute is not among the postings: only Stripe’s balance transaction tells it, and ${fees}.`,
    ...(terms.policy.clawback === 'at_opening' ? ['Released money is taken back when the dispute opens, as far as its sellers’ balances go, and paid again where it is won.'] : []), // prettier-ignore
    ...(outcome === 'lost' && balances === 'enough' ? ['What a seller’s balance at Stripe does not cover when it is taken back becomes their debt.'] : []), // prettier-ignore
  ];
}

/** What a loss leaves of a milestone: accepted parts shrink from the last, then what nobody accepted. */
function take(m: MilestoneState, p: MilestoneLoss): void {
  let payable = toInteger(p.payableMinor);
  for (const part of [...m.releases].reverse()) {
    if (payable === 0 || ['released', 'charged_back', 'withdrawn'].includes(part.status)) continue;
    const whole = part.payable <= payable;
    const amount = whole ? part.amount : Math.floor((part.amount * payable) / part.payable);
    payable -= whole ? part.payable : payable;
    if (whole) part.status = 'charged_back';
    else part.amount -= amount;
    m.accepted -= amount;
    m.refunded += amount;
  }
  const held = toInteger(p.heldMinor);
  const standing = [...m.releases, ...m.refunds.filter((r) => r.status !== 'failed')];
  const open = (m.funds?.principal ?? 0) - standing.reduce((sum, piece) => sum + piece.principal, 0);
  if (held > 0) m.refunded += held >= open ? openAmount(m) : Math.floor((openAmount(m) * held) / open);
  if (openAmount(m) > 0 || !canMove(m, 'charged_back')) return;
  const parts = standingParts(m);
  if (parts.length === 0) m.status = 'refunded';
  else if (parts.every((r) => r.status === 'released')) m.status = 'released';
  else if (!ON_ITS_WAY.includes(m.status)) m.status = 'accepted';
}

const ON_ITS_WAY: readonly MilestoneState['status'][] = ['accepted', 'releasing', 'blocked_kyc', 'blocked_funds'];
