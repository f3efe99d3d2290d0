// Changing agreed terms: what the new version is, whether it may still be applied, and what applying it does to each
// milestone. More money is always a new milestone with a payment of its own; less money is a refund of what is unreleased.
import { RuleError } from './errors.ts';
import { type EscrowState, type MilestoneState, openAmount } from './escrow-state.ts';
import { buildMilestone, canonicalJson, type MilestoneProposal, type MilestoneTerms, type Proposal, type Terms, type TermsContext } from './terms.ts'; // prettier-ignore

/** A milestone as an amendment names it: with `id` one that exists, without a new one; what is left out stays. */
export type AmendedMilestone = Partial<Omit<MilestoneProposal, 'id'>> & { id?: string | undefined };

export interface AmendmentProposal {
  title?: string | undefined;
  /** Every milestone that is to be there afterwards; one that is missing is taken out. */
  milestones: AmendedMilestone[];
}

/** The next version of the terms. `newIds` are given out in order. @throws RuleError with the param at fault */
export function amendTerms(
  state: EscrowState,
  p: AmendmentProposal,
  context: TermsContext,
  newIds: () => string,
): Terms {
  const old = state.terms;
  const proposal: Proposal = { ...old, feePayer: old.feePayer, milestones: [], policy: undefined };
  if (p.milestones.length === 0)
    throw new RuleError(
      'milestones_invalid',
      'Name the milestones that stay. To end the escrow, cancel it.',
      'milestones',
    );
  const seen = new Set<string>();
  const milestones = p.milestones.flatMap((m, i): MilestoneTerms[] => {
    const at = `milestones[${i}]`;
    if (m.id === undefined) return [buildMilestone(whole(m, newIds(), at), at, proposal, context)];
    const before = old.milestones.find((x) => x.id === m.id);
    if (!before)
      throw new RuleError('milestones_invalid', `There is no milestone ${m.id} in the present terms.`, `${at}.id`);
    if (seen.has(m.id)) throw new RuleError('milestones_invalid', `${m.id} is named twice.`, `${at}.id`);
    seen.add(m.id);
    return amended(state, before, m, at, proposal, context, newIds);
  });
  const terms: Terms = { ...old, version: old.version + 1, title: p.title ?? old.title, milestones };
  if (canonicalJson({ ...terms, version: 0 }) === canonicalJson({ ...old, version: 0 })) {
    throw new RuleError('milestones_invalid', 'This amendment changes nothing.', 'milestones');
  }
  return terms;
}

function whole(m: AmendedMilestone, id: string, at: string): MilestoneProposal {
  if (m.title === undefined || m.amount === undefined || m.seller_id === undefined) {
    throw new RuleError('milestones_invalid', 'A new milestone needs title, amount and seller_id.', at);
  }
  return { ...m, id, title: m.title, amount: m.amount, seller_id: m.seller_id };
}

function amended(
  state: EscrowState,
  before: MilestoneTerms,
  m: AmendedMilestone,
  at: string,
  proposal: Proposal,
  context: TermsContext,
  newIds: () => string,
): MilestoneTerms[] {
  if (m.seller_id !== undefined && m.seller_id !== before.sellerId) {
    throw new RuleError(
      'party_invalid',
      'A milestone keeps its seller: take it out and add a new one.',
      `${at}.seller_id`,
    );
  }
  const funded = state.milestones.find((x) => x.id === before.id)!.funds !== null;
  const more = funded && m.amount !== undefined && m.amount > before.amount ? m.amount - before.amount : 0;
  const changesMoney = m.amount !== undefined && m.amount !== before.amount && more === 0;
  const given = {
    id: before.id,
    title: m.title ?? before.title,
    amount: changesMoney ? m.amount! : before.amount,
    seller_id: before.sellerId,
    starts_at: m.starts_at ?? before.startsAt ?? undefined,
    due_at: m.due_at,
    inspection_period: m.inspection_period,
  };
  const built = buildMilestone(given, at, proposal, context);
  const next: MilestoneTerms = {
    ...built,
    ...(changesMoney ? {} : { buyerFee: before.buyerFee, sellerFee: before.sellerFee }),
    // What is not named stays as it was agreed, also where it lies in the past by now.
    dueAt: m.due_at === undefined ? before.dueAt : built.dueAt,
    inspectionMs: m.inspection_period === undefined ? before.inspectionMs : built.inspectionMs,
  };
  if (more === 0) return [next];
  const added = { ...given, id: newIds(), title: `${given.title} (added)`, amount: more };
  return [next, buildMilestone(added, `${at}.amount`, proposal, context)];
}

export interface MilestoneChange {
  milestone: MilestoneState;
  terms: MilestoneTerms | null;
  kind: 'keep' | 'drop_unfunded' | 'refund_all' | 'refund_part' | 'new_amount';
  /** Principal to refund, terms' currency. */
  refund: number;
}

const UNTOUCHABLE = [
  'submitted',
  'accepted',
  'releasing',
  'blocked_kyc',
  'blocked_funds',
  'refunding',
  'recovering',
  'disputed',
];
const UNFUNDED = ['planned', 'awaiting_funding', 'requires_action', 'processing'];

/** What the new terms do to each milestone that exists, or the words of why they can't be applied as things stand. */
export function planAmendment(state: EscrowState, terms: Terms): MilestoneChange[] | string {
  if (state.frozen.length > 0) return 'The escrow is frozen: its freeze must end first.';
  const changes: MilestoneChange[] = [];
  for (const m of state.milestones) {
    const before = state.terms.milestones.find((t) => t.id === m.id);
    if (!before) continue;
    const after = terms.milestones.find((t) => t.id === m.id) ?? null;
    const money = after === null || after.amount !== before.amount;
    if (
      money &&
      state.payments.some(
        (p) => p.milestoneIds.includes(m.id) && (p.busy || ['requires_action', 'processing'].includes(p.status)),
      )
    ) {
      return `A payment for ${before.title} is under way.`;
    }
    const unfunded = UNFUNDED.includes(m.status);
    const ended = ['released', 'refunded', 'cancelled'].includes(m.status);
    if (money && (UNTOUCHABLE.includes(m.status) || (ended && after !== null))) {
      return `${before.title} is ${m.status.replaceAll('_', ' ')}: its money cannot be changed any more.`;
    }
    if (ended || !money) changes.push({ milestone: m, terms: after, kind: 'keep', refund: 0 });
    else if (after === null)
      changes.push({
        milestone: m,
        terms: null,
        kind: unfunded ? 'drop_unfunded' : 'refund_all',
        refund: unfunded ? 0 : openAmount(m),
      });
    else if (unfunded) changes.push({ milestone: m, terms: after, kind: 'new_amount', refund: 0 });
    else {
      const refund = before.amount - after.amount;
      // Paid for since the amendment was proposed: it raised an amount that nobody had paid yet.
      if (refund < 0) return `${before.title} has been paid for meanwhile: what is added to it needs a new amendment.`;
      if (refund >= openAmount(m)) return `Of ${before.title} less is left than this amendment takes away.`;
      changes.push({ milestone: m, terms: after, kind: 'refund_part', refund });
    }
  }
  return changes;
}
