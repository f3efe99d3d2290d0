// The terms of an escrow: built and checked once from a proposal, hashed, signed by every side, never edited in place.
import { RuleError } from './errors.ts';
import { type FeePayer, type FeeSchedule, milestoneFee } from './fees.ts';
import { checkAmount, currencyRule, toInteger, toMinor } from './money.ts';
import { parsePeriod, DAY_MS } from './periods.ts';
import { buildPolicy, DISPUTE_DAYS_MS, holdingLimitMs, type Policy, type PolicyInput } from './policy.ts';

export type Funding = 'upfront' | 'per_milestone';

export interface MilestoneTerms {
  id: string;
  title: string;
  sellerId: string;
  /** Minor units of the terms' currency: what the buyer pays for the work, before a buyer's fee. */
  amount: number;
  buyerFee: number;
  sellerFee: number;
  /** ISO 8601 instants, or null. */
  startsAt: string | null;
  dueAt: string | null;
  inspectionMs: number;
}

export interface Terms {
  version: number;
  escrowId: string;
  entityId: string;
  title: string;
  currency: string;
  vertical: string;
  buyerId: string;
  funding: Funding;
  feePayer: FeePayer;
  fee: FeeSchedule;
  milestones: MilestoneTerms[];
  policy: Policy;
}

export interface MilestoneProposal {
  id: string;
  title: string;
  amount: number;
  seller_id: string;
  starts_at?: string | undefined;
  due_at?: string | undefined;
  inspection_period?: string | undefined;
}

export interface Proposal {
  escrowId: string;
  entityId: string;
  title: string;
  currency: string;
  vertical: string;
  buyerId: string;
  funding: Funding;
  feePayer: FeePayer;
  milestones: MilestoneProposal[];
  policy?: PolicyInput | undefined;
}

export interface TermsContext {
  now: number;
  live: boolean;
  platformCountry: string;
  fee: FeeSchedule;
  version?: number;
}

export const MAX_MILESTONES = 50;
const DEFAULT_INSPECTION = 'P14D';
const LIVE_MINIMUM_INSPECTION_MS = 3 * DAY_MS;

/** Builds and checks terms. @throws RuleError with the param at fault (`milestones[1].amount`) */
export function buildTerms(p: Proposal, context: TermsContext): Terms {
  currencyRule(p.currency);
  if (p.milestones.length < 1 || p.milestones.length > MAX_MILESTONES) {
    throw new RuleError('milestones_invalid', `An escrow has 1 to ${MAX_MILESTONES} milestones.`, 'milestones');
  }
  const policy = buildPolicy(p.policy, context.live);
  const milestones = p.milestones.map((m, i) => buildMilestone(m, `milestones[${i}]`, p, context));
  const terms: Terms = {
    version: context.version ?? 1,
    escrowId: p.escrowId,
    entityId: p.entityId,
    title: p.title,
    currency: p.currency,
    vertical: p.vertical,
    buyerId: p.buyerId,
    funding: p.funding,
    feePayer: p.feePayer,
    fee: context.fee,
    milestones,
    policy,
  };
  if (terms.funding === 'upfront') checkAmount(p.currency, chargeMinor(terms.milestones), 'milestones');
  return terms;
}

/** One milestone of a proposal, checked. @throws RuleError with its dotted path */
export function buildMilestone(m: MilestoneProposal, at: string, p: Proposal, context: TermsContext): MilestoneTerms {
  const amountMinor = toMinor(m.amount);
  checkAmount(p.currency, amountMinor, `${at}.amount`);
  if (m.seller_id === p.buyerId) {
    throw new RuleError('party_invalid', 'The buyer cannot be the seller of a milestone.', `${at}.seller_id`);
  }
  const { multiple } = currencyRule(p.currency);
  const fee = milestoneFee(amountMinor, context.fee, p.feePayer, `${at}.amount`, multiple);
  checkAmount(p.currency, amountMinor + fee.buyerFeeMinor, `${at}.amount`);
  const inspectionMs = parsePeriod(m.inspection_period ?? DEFAULT_INSPECTION, `${at}.inspection_period`);
  if (inspectionMs < 1 || (context.live && inspectionMs < LIVE_MINIMUM_INSPECTION_MS)) {
    throw new RuleError('period_invalid', 'The inspection period is too short to look at the work: at least three days (the sandbox takes any).', `${at}.inspection_period`); // prettier-ignore
  }
  const startsAt = instant(m.starts_at, `${at}.starts_at`);
  const dueAt = instant(m.due_at, `${at}.due_at`);
  if (dueAt !== null && (dueAt <= context.now || (startsAt !== null && dueAt <= startsAt))) {
    throw new RuleError('due_date_invalid', 'due_at must lie in the future and after starts_at.', `${at}.due_at`);
  }
  const lastDay = (dueAt ?? startsAt ?? context.now) + inspectionMs + DISPUTE_DAYS_MS - context.now;
  const limit = holdingLimitMs(context.platformCountry);
  if (lastDay > limit) {
    throw new RuleError('holding_limit_exceeded', `Money may be held at most ${Math.floor(limit / DAY_MS)} days here; this milestone's dates, its inspection and a possible dispute would take ${Math.ceil(lastDay / DAY_MS)}. Choose earlier dates or a shorter inspection.`, `${at}.due_at`); // prettier-ignore
  }
  return {
    id: m.id,
    title: m.title,
    sellerId: m.seller_id,
    amount: m.amount,
    buyerFee: toInteger(fee.buyerFeeMinor),
    sellerFee: toInteger(fee.sellerFeeMinor),
    startsAt: startsAt === null ? null : new Date(startsAt).toISOString(),
    dueAt: dueAt === null ? null : new Date(dueAt).toISOString(),
    inspectionMs,
  };
}

function instant(text: string | undefined, param: string): number | null {
  if (text === undefined) return null;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) {
    throw new RuleError('due_date_invalid', `${JSON.stringify(text)} is not a date. Write ISO 8601, such as "2027-03-01T12:00:00Z".`, param); // prettier-ignore
  }
  return ms;
}

/** What one charge over these milestones takes from the buyer: amounts and the buyer's fees. */
export function chargeMinor(milestones: readonly MilestoneTerms[]): bigint {
  return milestones.reduce((sum, m) => sum + toMinor(m.amount) + toMinor(m.buyerFee), 0n);
}

/** The text that is hashed and signed: canonical JSON, keys sorted at every depth. */
export function canonicalTerms(terms: Terms): string {
  return canonicalJson(terms);
}

/** JSON with sorted keys, so that equal values have equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** Every person whose signature the terms need: the buyer and each seller once, in order. */
export function partiesOf(terms: Terms): string[] {
  return [...new Set([terms.buyerId, ...terms.milestones.map((m) => m.sellerId)])];
}
