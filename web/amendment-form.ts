// The form of new terms: every milestone that is there, as agreed or changed or taken out, and new ones.
import type { Request } from 'express';
import type { z } from 'zod';
import * as bodies from '../api/bodies.ts';
import type { AppContext } from '../api/context.ts';
import { invalidInput, toProblem } from '../api/problem.ts';
import { amendedTerms } from '../api/terms.ts';
import { findPersonByEmail } from '../db/people.ts';
import type { EscrowRecord } from '../db/escrows.ts';
import { RuleError } from '../domain/errors.ts';
import { isMilestoneEnd } from '../domain/escrow-state.ts';
import type { Terms } from '../domain/terms.ts';
import { decimalOf, endOfDay, parseAmount } from './format.ts';
import { field, fields } from './page.ts';
import { errorAt, type FieldErrors, type MilestoneFields } from './proposal-form.ts';

export interface AmendedFields extends MilestoneFields {
  /** Of a milestone that exists; '' of a new one. */
  id: string;
  /** Taken out of the terms. */
  out: boolean;
}

export interface AmendmentFields {
  title: string;
  milestones: AmendedFields[];
}

export type AmendmentBody = z.output<typeof bodies.amendment>;

/** The terms as they stand, ready to be changed. */
export function presentTerms({ state, parties }: EscrowRecord): AmendmentFields {
  const { terms } = state;
  return {
    title: terms.title,
    milestones: terms.milestones.map((m) => ({
      id: m.id,
      title: m.title,
      amount: decimalOf({ amount: m.amount, currency: terms.currency }),
      seller: parties.find((p) => p.id === m.sellerId)?.name ?? '',
      due: '',
      inspection: '',
      out: false,
    })),
  };
}

/** What has ended stays in the terms as it is. */
export const isFixed = ({ state }: EscrowRecord, id: string): boolean =>
  state.milestones.some((m) => m.id === id && isMilestoneEnd(m.status));

export function readAmendment(request: Request): AmendmentFields {
  const column = (name: string) => fields(request, name);
  const outs = column('m_out');
  const [titles, amounts, sellers, dues, inspections] = ['m_title', 'm_amount', 'm_seller', 'm_due', 'm_inspection'].map(column) as [string[], string[], string[], string[], string[]]; // prettier-ignore
  return {
    title: field(request, 'title') ?? '',
    milestones: column('m_id').map((id, i) => ({
      id,
      title: titles[i]?.trim() ?? '',
      amount: amounts[i]?.trim() ?? '',
      seller: sellers[i]?.trim() ?? '',
      due: dues[i]?.trim() ?? '',
      inspection: inspections[i]?.trim() ?? '',
      out: outs.includes(String(i)),
    })),
  };
}

export interface CheckedAmendment {
  body: AmendmentBody | null;
  /** What the new terms would be. */
  terms: Terms | null;
  errors: FieldErrors;
}

/** From words to the API's body and to the terms that it makes. Every wrong field is named at once; nothing is written. */
export async function checkAmendment(
  context: AppContext,
  record: EscrowRecord,
  timeZone: string,
  given: AmendmentFields,
): Promise<CheckedAmendment> {
  const errors: FieldErrors = {};
  const { currency } = record.state.terms;
  if (given.title === '') errors['title'] = 'Give it a title that both sides will recognise.';
  const kept = given.milestones.map((m, i) => ({ m, i })).filter(({ m }) => !m.out);
  const milestones: AmendmentBody['milestones'] = [];
  for (const { m, i } of kept) {
    const before = record.state.terms.milestones.find((t) => t.id === m.id);
    if (before !== undefined && isFixed(record, m.id)) {
      milestones.push({ id: m.id });
      continue;
    }
    if (m.title === '') errors[`m_title_${i}`] = 'Say what is delivered.';
    const amount = parseAmount(m.amount, currency);
    if (amount === null) errors[`m_amount_${i}`] = `Write an amount in ${currency.toUpperCase()}.`;
    const due = m.due === '' ? undefined : endOfDay(m.due, timeZone);
    if (due === null) errors[`m_due_${i}`] = 'Write a day, such as 2027-03-01.';
    const seller = before === undefined && m.seller !== '' ? await findPersonByEmail(context.sql, m.seller) : null;
    if (before === undefined && seller?.role !== 'seller') errors[`m_seller_${i}`] = m.seller === '' ? 'Write the seller’s e-mail.' : 'Nobody is registered as a seller with this e-mail.'; // prettier-ignore
    milestones.push({
      ...(before === undefined ? { seller_id: seller?.id ?? '' } : { id: m.id }),
      title: m.title,
      amount: amount ?? 0,
      ...(due === undefined || due === null ? {} : { due_at: due }),
      ...(m.inspection === '' ? {} : { inspection_period: m.inspection }),
    });
  }
  if (Object.keys(errors).length > 0) return { body: null, terms: null, errors };
  const parsed = bodies.amendment.safeParse({ title: given.title, milestones });
  if (!parsed.success) {
    const problem = invalidInput(parsed.error, 'body');
    return { body: null, terms: null, errors: errorAt(problem.param, problem.message) };
  }
  try {
    return { body: parsed.data, terms: await amendedTerms(context, record.state, parsed.data), errors };
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    const problem = toProblem(error);
    // The rules count what stays; the form counts its rows.
    const param = problem.param?.replace(/\[(\d+)\]/, (_whole, n: string) => `[${kept[Number(n)]?.i ?? n}]`);
    return { body: null, terms: null, errors: errorAt(param, problem.message) };
  }
}
