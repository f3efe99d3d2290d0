// Terms as the API builds them: out of a proposal, and out of what an amendment changes. Nothing is written, so that a quote is the
// same terms as the proposal that follows it.
import type { z } from 'zod';
import { newId } from '../db/ids.ts';
import { findPerson, shareMailbox, type Person, unknownSellers } from '../db/people.ts';
import { feeScheduleFor, findSeller, verticals } from '../db/sellers.ts';
import { amendTerms } from '../domain/amendments.ts';
import { refuseAcrossBorder } from '../domain/cross-border.ts';
import { RuleError } from '../domain/errors.ts';
import type { EscrowState } from '../domain/escrow-state.ts';
import { currencyRule } from '../domain/money.ts';
import { buildTerms, type Terms } from '../domain/terms.ts';
import type * as bodies from './bodies.ts';
import type { AppContext } from './context.ts';

/** @throws RuleError or Problem that names the parameter at fault; nothing was written */
export async function proposedTerms(context: AppContext, person: Person, body: bodies.ProposalBody): Promise<Terms> {
  const { sql, settings } = context;
  const now = Date.now();
  currencyRule(body.currency);
  const buyerId = await buyerOf(context, { id: person.id, role: person.role }, body);
  const [fee, unknown] = await Promise.all([
    feeScheduleFor(sql, person.entityId, body.vertical, body.currency, new Date(now)),
    unknownSellers(sql, [...new Set(body.milestones.map((m) => m.seller_id))]),
  ]);
  if (fee === null) {
    const known = (await verticals(sql, person.entityId)).join(', ');
    throw new RuleError('vertical_unknown', `There is no fee for the vertical ${JSON.stringify(body.vertical)}. Use one of ${known}.`, 'vertical'); // prettier-ignore
  }
  const stranger = body.milestones.findIndex((m) => unknown.includes(m.seller_id));
  if (stranger >= 0) {
    throw new RuleError('seller_unknown', `There is no seller ${JSON.stringify(body.milestones[stranger]!.seller_id)}. Register the seller with POST /v1/sellers and use the id that it answers.`, `milestones[${stranger}].seller_id`); // prettier-ignore
  }
  await payable(
    context,
    body.milestones.map((m) => m.seller_id),
  );
  await differentPeople(
    sql,
    buyerId,
    body.milestones.map((m) => m.seller_id),
  );
  if (person.id !== buyerId && !body.milestones.some((m) => m.seller_id === person.id)) {
    throw new RuleError('party_invalid', 'A seller proposes only escrows with a milestone of their own.', 'milestones');
  }
  return buildTerms(
    {
      escrowId: newId('escrow'),
      entityId: person.entityId,
      title: body.title,
      currency: body.currency,
      vertical: body.vertical,
      buyerId,
      funding: body.funding,
      feePayer: body.fee_payer,
      milestones: body.milestones.map((m) => ({ ...m, id: newId('milestone') })),
      policy: body.policy,
    },
    { now, live: settings.mode === 'live', platformCountry: settings.platformCountry, fee },
  );
}

/** A seller whom Stripe cannot pay from the platform's country is refused before anybody agrees or pays. */
async function payable({ sql, settings }: AppContext, sellerIds: readonly (string | undefined)[]): Promise<void> {
  for (const [i, id] of sellerIds.entries()) {
    const seller = id === undefined ? null : await findSeller(sql, id);
    if (seller) refuseAcrossBorder(settings.platformCountry, seller.country, `milestones[${i}].seller_id`);
  }
}

/** One person behind two addresses would pay themself with somebody's card: `a.b+shop@x` and `ab@x` are one mailbox. */
async function differentPeople(sql: AppContext['sql'], buyerId: string, sellerIds: readonly string[]): Promise<void> {
  for (const [i, id] of sellerIds.entries()) {
    if (await shareMailbox(sql, buyerId, id)) {
      throw new RuleError('party_invalid', 'Buyer and seller share a mailbox: they must be two people.', `milestones[${i}].seller_id`); // prettier-ignore
    }
  }
}

async function buyerOf(
  { sql }: AppContext,
  author: { id: string; role: string },
  body: bodies.ProposalBody,
): Promise<string> {
  if (author.role === 'buyer') {
    if (body.buyer_id === undefined || body.buyer_id === author.id) return author.id;
    throw new RuleError('party_invalid', 'A buyer proposes for themself: leave buyer_id out.', 'buyer_id');
  }
  if (body.buyer_id === undefined) {
    throw new RuleError('party_invalid', 'A seller who proposes names the buyer: add buyer_id.', 'buyer_id');
  }
  const buyer = await findPerson(sql, body.buyer_id);
  if (buyer?.role !== 'buyer') {
    throw new RuleError('party_invalid', `There is no buyer ${JSON.stringify(body.buyer_id)}.`, 'buyer_id');
  }
  return buyer.id;
}

/** The next version of an escrow's terms. @throws RuleError that names the parameter at fault */
export async function amendedTerms(
  context: AppContext,
  state: EscrowState,
  body: z.output<typeof bodies.amendment>,
): Promise<Terms> {
  const { sql, settings } = context;
  const sellers = body.milestones.flatMap((m) => (m.seller_id === undefined ? [] : [m.seller_id]));
  const [stranger] = await unknownSellers(sql, [...new Set(sellers)]);
  if (stranger !== undefined) {
    throw new RuleError('seller_unknown', `There is no seller ${JSON.stringify(stranger)}.`, 'milestones');
  }
  await payable(
    context,
    body.milestones.map((m) => m.seller_id),
  );
  const live = settings.mode === 'live';
  const { fee } = state.terms;
  return amendTerms(state, body, { now: Date.now(), live, platformCountry: settings.platformCountry, fee }, () =>
    newId('milestone'),
  );
}
