// Payment methods: how long each takes, how long it can be refunded, who may dispute it, and which are left out and why.
// Source: Stripe's documentation of each method.
import { DAY_MS } from './periods.ts';

export interface PaymentMethodRule {
  /** Stripe's payment method type. */
  type: string;
  name: string;
  /** Lower-case currencies; null: every one. */
  currencies: readonly string[] | null;
  /** True where success or failure comes days later: no work and no transfer before. */
  delayed: boolean;
  settles: string;
  /** Days in which Stripe can refund it; null: no limit of its own. */
  refundDays: number | null;
  /** final: the bank takes the money back without asking (8 weeks for SEPA, 60 days for ACH). */
  disputes: 'evidence' | 'final' | 'none';
  /** Why it is not offered; null where it is. */
  excluded: string | null;
}

export const PAYMENT_METHODS: readonly PaymentMethodRule[] = [
  { type: 'card', name: 'Card', currencies: null, delayed: false, settles: 'at once', refundDays: null, disputes: 'evidence', excluded: null },
  { type: 'ideal', name: 'iDEAL', currencies: ['eur'], delayed: false, settles: 'at once', refundDays: 180, disputes: 'none', excluded: null },
  { type: 'sepa_debit', name: 'SEPA Direct Debit', currencies: ['eur'], delayed: true, settles: 'within 14 business days', refundDays: 180, disputes: 'final', excluded: null },
  { type: 'us_bank_account', name: 'ACH Direct Debit', currencies: ['usd'], delayed: true, settles: 'within 4 business days', refundDays: 180, disputes: 'final', excluded: null },
  { type: 'boleto', name: 'Boleto', currencies: ['brl'], delayed: true, settles: 'within 3 business days', refundDays: 0, disputes: 'none', excluded: 'A Boleto cannot be refunded, so money that is not released could not go back; Stripe also asks for a Brazilian business.' },
]; // prettier-ignore

/** Methods of a currency, the excluded ones with their reason. */
export const methodsFor = (currency: string): PaymentMethodRule[] =>
  PAYMENT_METHODS.filter((m) => m.currencies === null || m.currencies.includes(currency));

/** Stripe's types that a PaymentIntent in this currency must not offer. */
export const excludedTypes = (currency: string): string[] =>
  methodsFor(currency).flatMap((m) => (m.excluded === null ? [] : [m.type]));

/** Stripe's words for a charge that it refunds no more, whatever else is done. */
export const NOT_REFUNDABLE: ReadonlySet<string> = new Set(['charge_not_refundable']);

/** Until when Stripe can refund a payment; null: no limit that is known. */
export function refundableUntil(methodType: string | null, paidAt: number | null): number | null {
  const days = PAYMENT_METHODS.find((m) => m.type === methodType)?.refundDays ?? null;
  return days === null || paidAt === null ? null : paidAt + days * DAY_MS;
}
