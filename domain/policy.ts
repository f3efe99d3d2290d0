// How long each step of an escrow may take, and what a refund gives back: defaults, limits, and the snapshot in the terms.
import { RuleError } from './errors.ts';
import { DAY_MS, parsePeriod } from './periods.ts';

/** ISO 8601 periods as people write them; every field optional, each default stands in DEFAULTS. */
export interface PolicyInput {
  agree?: string;
  fund?: string;
  sca?: string;
  overdue?: string;
  confirm?: string;
  amend?: string;
  reply?: string;
  negotiate?: string;
  ruling?: string;
  appeal?: string;
  evidence?: string;
  top_up?: string;
  kyc_nudge?: string;
  fraud?: string;
  /** Fractions of the inspection period after which the buyer is reminded, each in (0, 1), rising. */
  remind?: number[];
  max_rounds?: number;
  fee_return?: 'full' | 'none';
  chargeback_loss?: 'seller' | 'platform';
  /** Who bears Stripe's fees for a dispute that is lost; the platform unless said otherwise. */
  dispute_fee?: 'seller' | 'platform';
  /** When released money is taken back from its sellers; once the dispute is lost unless said otherwise. */
  clawback?: 'at_loss' | 'at_opening';
}

/** The snapshot: periods in milliseconds. */
export interface Policy {
  agreeMs: number;
  fundMs: number;
  scaMs: number;
  overdueMs: number;
  confirmMs: number;
  amendMs: number;
  replyMs: number;
  negotiateMs: number;
  rulingMs: number;
  appealMs: number;
  evidenceMs: number;
  topUpMs: number;
  kycNudgeMs: number;
  /** How long ops may take over a fraud warning. Absent in terms from before: a day. */
  fraudMs?: number;
  remind: number[];
  maxRounds: number;
  feeReturn: 'full' | 'none';
  chargebackLoss: 'seller' | 'platform';
  /** Absent in terms from before: the platform. */
  disputeFee?: 'seller' | 'platform';
  /** Absent in terms from before: at_loss. */
  clawback?: 'at_loss' | 'at_opening';
}

type PeriodKey = Exclude<
  keyof PolicyInput,
  'remind' | 'max_rounds' | 'fee_return' | 'chargeback_loss' | 'dispute_fee' | 'clawback'
>;

/** Default, and the shortest that live mode takes. The sandbox takes any, so that a test sees a deadline pass. */
const PERIODS: Record<PeriodKey, { field: keyof Policy; fallback: string; liveMinimumMs: number }> = {
  agree: { field: 'agreeMs', fallback: 'P7D', liveMinimumMs: DAY_MS },
  fund: { field: 'fundMs', fallback: 'P14D', liveMinimumMs: DAY_MS },
  sca: { field: 'scaMs', fallback: 'PT24H', liveMinimumMs: DAY_MS / 24 },
  overdue: { field: 'overdueMs', fallback: 'P5D', liveMinimumMs: 2 * DAY_MS },
  confirm: { field: 'confirmMs', fallback: 'P5D', liveMinimumMs: DAY_MS },
  amend: { field: 'amendMs', fallback: 'P5D', liveMinimumMs: DAY_MS },
  reply: { field: 'replyMs', fallback: 'P5D', liveMinimumMs: 2 * DAY_MS },
  negotiate: { field: 'negotiateMs', fallback: 'P14D', liveMinimumMs: 3 * DAY_MS },
  ruling: { field: 'rulingMs', fallback: 'P30D', liveMinimumMs: 7 * DAY_MS },
  appeal: { field: 'appealMs', fallback: 'P7D', liveMinimumMs: 2 * DAY_MS },
  evidence: { field: 'evidenceMs', fallback: 'P5D', liveMinimumMs: 2 * DAY_MS },
  top_up: { field: 'topUpMs', fallback: 'PT1H', liveMinimumMs: 60_000 },
  kyc_nudge: { field: 'kycNudgeMs', fallback: 'P30D', liveMinimumMs: DAY_MS },
  fraud: { field: 'fraudMs', fallback: 'PT24H', liveMinimumMs: DAY_MS / 24 },
};

/** Reminders at 7, 12 and 13 days of a 14-day inspection. */
const DEFAULT_REMIND = [7 / 14, 12 / 14, 13 / 14];

/** @throws RuleError period_invalid, policy_invalid */
export function buildPolicy(input: PolicyInput = {}, live = false): Policy {
  const remind = input.remind ?? DEFAULT_REMIND;
  if (remind.length > 5 || remind.some((f, i) => !(f > 0 && f < 1) || (i > 0 && f <= remind[i - 1]!))) {
    throw new RuleError(
      'policy_invalid',
      'policy.remind takes at most five rising fractions between 0 and 1.',
      'policy.remind',
    );
  }
  const maxRounds = input.max_rounds ?? 3;
  if (!Number.isInteger(maxRounds) || maxRounds < 0 || maxRounds > 20) {
    throw new RuleError('policy_invalid', 'policy.max_rounds takes a whole number from 0 to 20.', 'policy.max_rounds');
  }
  const periods = Object.entries(PERIODS).map(([key, rule]) => {
    const param = `policy.${key}`;
    const ms = parsePeriod(input[key as PeriodKey] ?? rule.fallback, param);
    if (ms < 1) throw new RuleError('policy_invalid', `${param} must be longer than nothing.`, param);
    if (live && ms < rule.liveMinimumMs) {
      throw new RuleError('policy_invalid', `${param} is shorter than live mode allows.`, param);
    }
    return [rule.field, ms] as const;
  });
  return {
    ...(Object.fromEntries(periods) as Omit<
      Policy,
      'remind' | 'maxRounds' | 'feeReturn' | 'chargebackLoss' | 'disputeFee' | 'clawback'
    >),
    remind: [...remind],
    maxRounds,
    feeReturn: input.fee_return ?? 'full',
    chargebackLoss: input.chargeback_loss ?? 'seller',
    disputeFee: input.dispute_fee ?? 'platform',
    clawback: input.clawback ?? 'at_loss',
  };
}

/** Days of dispute that may follow an inspection: reply 5 + negotiation 14 + ruling 30. */
export const DISPUTE_DAYS_MS = 49 * DAY_MS;

/** How long money may stay on the platform, by the platform's country (Stripe, manual payouts; our careful reading). */
export function holdingLimitMs(platformCountry: string): number {
  if (platformCountry === 'US') return 730 * DAY_MS;
  if (platformCountry === 'TH') return 10 * DAY_MS;
  return 90 * DAY_MS;
}

/** The policy in sentences, shown to both sides before anyone agrees or pays. */
export function policyInWords(policy: Policy): {
  fee_return: string;
  loss: string;
  dispute_fee: string;
  clawback: string;
} {
  return {
    fee_return:
      policy.feeReturn === 'full'
        ? 'A refund gives back the fee with the price: the buyer’s where it is not earned yet, both sides’ where released work is refunded.'
        : 'A refund gives back the price. Fees are kept: a seller whose released work is refunded bears its fee.',
    loss:
      policy.chargebackLoss === 'seller'
        ? 'A chargeback that is lost falls on the milestones it concerns: unreleased money first, then a reversal of what was paid out, then a debt of the seller.'
        : 'A chargeback that is lost falls on unreleased money first; what was already released is the platform’s loss.',
    dispute_fee:
      policy.disputeFee === 'seller'
        ? 'Stripe’s fees for a chargeback that is lost are the sellers’, each by their share of the loss: a debt, taken out of their next releases.'
        : 'Stripe’s fees for a chargeback are the platform’s.',
    clawback:
      policy.clawback === 'at_opening'
        ? 'While a bank decides over a chargeback, what was paid out of that payment is taken back from its sellers and held; they are paid again when it is won.'
        : 'While a bank decides over a chargeback, what was paid out stays with its sellers.',
  };
}
