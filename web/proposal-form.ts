// The form of a new escrow: what was typed, row by row; from it the API's proposal, and the terms for a quote that writes nothing.
import type { Request } from 'express';
import type { AppContext } from '../api/context.ts';
import * as bodies from '../api/bodies.ts';
import { invalidInput, toProblem } from '../api/problem.ts';
import { proposedTerms } from '../api/terms.ts';
import type { Settings } from '../config/settings.ts';
import { findPersonByEmail, type Person } from '../db/people.ts';
import { RuleError } from '../domain/errors.ts';
import { CURRENCIES } from '../domain/money.ts';
import { MAX_MILESTONES, type Terms } from '../domain/terms.ts';
import { endOfDay, parseAmount } from './format.ts';
import { field, fields } from './page.ts';

export interface MilestoneFields {
  title: string;
  amount: string;
  seller: string;
  due: string;
  inspection: string;
}

export interface ProposalFields {
  title: string;
  currency: string;
  vertical: string;
  funding: string;
  feePayer: string;
  /** Who bears Stripe's fees for a lost chargeback. */
  disputeFee: string;
  clawback: string;
  /** E-mail of the buyer; only a seller is asked. */
  buyer: string;
  milestones: MilestoneFields[];
}

/** Each wrong field by its name in the form, with words. */
export type FieldErrors = Record<string, string>;

const INSPECTION_CHOICES: readonly [period: string, label: string][] = [
  ['P3D', '3 days'],
  ['P7D', '7 days'],
  ['P14D', '14 days'],
  ['P30D', '30 days'],
];
/** To watch a deadline pass; live mode has a minimum. */
const SANDBOX_INSPECTION_CHOICES: readonly [period: string, label: string][] = [
  ['PT10S', '10 seconds (sandbox)'],
  ['PT2M', '2 minutes (sandbox)'],
];

export const inspectionChoices = ({ mode }: Pick<Settings, 'mode'>) =>
  mode === 'live' ? INSPECTION_CHOICES : [...INSPECTION_CHOICES, ...SANDBOX_INSPECTION_CHOICES];

export function emptyMilestone(seller: string): MilestoneFields {
  return { title: '', amount: '', seller, due: '', inspection: 'P14D' };
}

export function emptyProposal(person: Person): ProposalFields {
  return {
    title: '',
    currency: 'usd',
    vertical: 'general',
    funding: 'upfront',
    feePayer: 'seller',
    disputeFee: 'platform',
    clawback: 'at_loss',
    buyer: '',
    milestones: [emptyMilestone(person.role === 'seller' ? person.email : '')],
  };
}

export function readProposal(request: Request): ProposalFields {
  const column = (name: string) => fields(request, name).slice(0, MAX_MILESTONES);
  const [titles, amounts, sellers, dues, inspections] = ['m_title', 'm_amount', 'm_seller', 'm_due', 'm_inspection'].map(column) as [string[], string[], string[], string[], string[]]; // prettier-ignore
  return {
    title: field(request, 'title') ?? '',
    currency: field(request, 'currency') ?? 'usd',
    vertical: field(request, 'vertical') ?? 'general',
    funding: field(request, 'funding') ?? 'upfront',
    feePayer: field(request, 'fee_payer') ?? 'seller',
    disputeFee: field(request, 'dispute_fee') ?? 'platform',
    clawback: field(request, 'clawback') ?? 'at_loss',
    buyer: field(request, 'buyer') ?? '',
    milestones: titles.map((title, i) => ({
      title: title.trim(),
      amount: amounts[i]?.trim() ?? '',
      seller: sellers[i]?.trim() ?? '',
      due: dues[i]?.trim() ?? '',
      inspection: inspections[i]?.trim() ?? 'P14D',
    })),
  };
}

export interface Checked {
  body: bodies.ProposalBody | null;
  errors: FieldErrors;
}

/** From words to the API's body. Every wrong field is named at once. */
export async function checkProposal(
  context: AppContext,
  person: Person,
  timeZone: string,
  given: ProposalFields,
): Promise<Checked> {
  const errors: FieldErrors = {};
  if (given.title === '') errors['title'] = 'Give it a title that both sides will recognise.';
  const known = CURRENCIES.includes(given.currency);
  if (!known) errors['currency'] = 'Choose a currency from the list.';
  const idOf = await idsOf(context, [given.buyer, ...given.milestones.map((m) => m.seller)]);
  const buyer = person.role === 'buyer' ? person : idOf.get(given.buyer);
  if (buyer?.role !== 'buyer') errors['buyer'] = given.buyer === '' ? 'Write the buyer’s e-mail.' : 'Nobody is registered as a buyer with this e-mail.'; // prettier-ignore
  if (given.milestones.length === 0) errors['milestones'] = 'An escrow has at least one milestone.';
  const milestones = given.milestones.map((m, i) => {
    const at = (name: string) => `m_${name}_${i}`;
    const seller = idOf.get(m.seller);
    if (m.title === '') errors[at('title')] = 'Say what is delivered.';
    const amount = known ? parseAmount(m.amount, given.currency) : 0;
    if (amount === null) errors[at('amount')] = `Write an amount in ${given.currency.toUpperCase()}, such as ${given.currency === 'jpy' ? '50000' : '1250.00'}.`; // prettier-ignore
    if (seller?.role !== 'seller') errors[at('seller')] = m.seller === '' ? 'Write the seller’s e-mail.' : 'Nobody is registered as a seller with this e-mail.'; // prettier-ignore
    const due = m.due === '' ? undefined : endOfDay(m.due, timeZone);
    if (due === null) errors[at('due')] = 'Write a day, such as 2027-03-01.';
    return { title: m.title, amount: amount ?? 0, seller_id: seller?.id ?? '', due_at: due ?? undefined, inspection_period: m.inspection }; // prettier-ignore
  });
  if (Object.keys(errors).length > 0) return { body: null, errors };
  const parsed = bodies.proposal.safeParse({
    title: given.title,
    currency: given.currency,
    vertical: given.vertical,
    funding: given.funding,
    fee_payer: given.feePayer,
    policy: { dispute_fee: given.disputeFee, clawback: given.clawback },
    ...(person.role === 'buyer' ? {} : { buyer_id: buyer!.id }),
    milestones,
  });
  if (parsed.success) return { body: parsed.data, errors };
  const problem = invalidInput(parsed.error, 'body');
  return { body: null, errors: errorAt(problem.param, problem.message) };
}

async function idsOf({ sql }: AppContext, emails: readonly string[]): Promise<Map<string, Person>> {
  const asked = [...new Set(emails)].filter((email) => email !== '');
  const found = await Promise.all(asked.map((email) => findPersonByEmail(sql, email)));
  return new Map(asked.flatMap((email, i) => (found[i] ? [[email, found[i]]] : [])));
}

/** The terms as they would stand, without writing anything; rules that say no become a field's error. */
export async function quoteOf(
  context: AppContext,
  person: Person,
  body: bodies.ProposalBody,
): Promise<{ terms: Terms | null; errors: FieldErrors }> {
  try {
    return { terms: await proposedTerms(context, person, body), errors: {} };
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    const problem = toProblem(error);
    return { terms: null, errors: errorAt(problem.param, problem.message) };
  }
}

const FORM_NAMES: Record<string, string> = { amount: 'amount', due_at: 'due', inspection_period: 'inspection', seller_id: 'seller', title: 'title' }; // prettier-ignore

/** "milestones[1].amount" → the field of that row; what has no field stands above the form. */
export function errorAt(param: string | undefined, message: string): FieldErrors {
  const match = /^milestones\[(\d+)\]\.(\w+)$/.exec(param ?? '');
  const name = match === null ? undefined : FORM_NAMES[match[2]!];
  if (match !== null && name !== undefined) return { [`m_${name}_${match[1]}`]: message };
  const own: Record<string, string> = {
    fee_payer: 'fee_payer',
    buyer_id: 'buyer',
    'policy.dispute_fee': 'dispute_fee',
    'policy.clawback': 'clawback',
  };
  const plain = own[param ?? ''] ?? param ?? '';
  return { [['title', 'currency', 'vertical', 'funding', 'fee_payer', 'dispute_fee', 'clawback', 'buyer', 'milestones'].includes(plain) ? plain : 'whole']: message }; // prettier-ignore
}
