// Things of two groups of people who have nothing to do with each other, so that each can ask for the other's.
import { randomUUID } from 'node:crypto';
import { insertApiKey, newApiKey } from '../../db/api-keys.ts';
import { storePayout } from '../../db/payouts.ts';
import { newId } from '../../db/ids.ts';
import { sha256 } from '../../db/people.ts';
import { createSession } from '../../db/sessions.ts';
import { createEndpoint, newSecret } from '../../db/webhooks.ts';
import { openDispute } from '../chargebacks/acts.ts';
import { disputes } from '../disputes/steps.ts';
import { castOf, fundedEscrow, proposal } from '../stack/api.ts';
import type { PersonName, World } from '../stack/world.ts';

export interface Deal {
  escrow: string;
  milestone: string;
  payment: string;
  dispute: string;
  /** Of the card, at the bank. */
  cardDispute: string;
  file: string;
  event: string;
  /** An escrow that nothing but new terms is asked of. */
  untouched: string;
  payout: string;
  amendment: string;
  seller: string;
}

type Names = { buyer: PersonName; seller: PersonName };

/** Two milestones, paid: the first in dispute, the second delivered with a file; and new terms of another escrow. */
export async function dealOf(world: World, names: Names): Promise<Deal> {
  const cast = castOf(world);
  const [buyer, seller] = [cast[names.buyer], cast[names.seller]];
  const escrow = await fundedEscrow(buyer, [seller], proposal(seller.person.id, [10_000, 20_000]));
  const { id: dispute } = await disputes(buyer, escrow);
  const file = await uploaded(world, names.seller, escrow.id);
  await seller.act(escrow.id, escrow.milestones[1]!.id, 'submit', { file_ids: [file] });
  const payments = await buyer.list<{ id: string }>(escrow.id, 'payments');
  const [event] = await world.sql<{ id: string }[]>`SELECT id FROM events WHERE escrow_id = ${escrow.id} AND id IS NOT NULL LIMIT 1`; // prettier-ignore
  return {
    escrow: escrow.id,
    milestone: escrow.milestones[1]!.id,
    payment: payments[0]!.id,
    dispute,
    cardDispute: await cardDisputeOf(world, names),
    file,
    event: event!.id,
    untouched: (await fundedEscrow(buyer, [seller], proposal(seller.person.id, [10_000]))).id,
    payout: await payoutOf(world, seller.person.id),
    amendment: await amendmentOf(world, names),
    seller: seller.person.id,
  };
}

export async function amendmentOf(world: World, names: Names): Promise<string> {
  const cast = castOf(world);
  const [buyer, seller] = [cast[names.buyer], cast[names.seller]];
  const { id, milestones } = await fundedEscrow(buyer, [seller], proposal(seller.person.id, [10_000]));
  const { body } = await buyer.post<{ amendment: { id: string } }>(`/v1/escrows/${id}/amendments`, { milestones: [{ id: milestones[0]!.id, amount: 8000 }] }); // prettier-ignore
  return body.amendment.id;
}

async function cardDisputeOf(world: World, names: Names): Promise<string> {
  const cast = castOf(world);
  const [buyer, seller] = [cast[names.buyer], cast[names.seller]];
  const escrow = await fundedEscrow(buyer, [seller], proposal(seller.person.id, [10_000]));
  return (await openDispute(world, buyer, escrow)).id;
}

async function payoutOf(world: World, sellerId: string): Promise<string> {
  const id = `po_${sellerId.slice(-12)}`;
  await storePayout(world.sql, sellerId, { id, amountMinor: 100n, currency: 'usd', status: 'paid', failureCode: null, failureMessage: null, arrivesAt: Date.now(), createdAt: Date.now() } as never); // prettier-ignore
  return id;
}

const TEXT = 'delivered\n';

async function uploaded(world: World, name: PersonName, escrowId: string): Promise<string> {
  const form = new FormData();
  form.set('escrow_id', escrowId);
  form.set('file', new File([TEXT], 'work.txt', { type: 'text/plain' }));
  const answer = await fetch(`${world.url}/v1/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.people[name].apiKey}`, 'idempotency-key': randomUUID() },
    body: form,
  });
  const body = (await answer.json()) as { id: string };
  if (answer.status !== 201) throw new Error(`file: ${answer.status} ${JSON.stringify(body)}`);
  return body.id;
}

/** New ones at each call: some calls end what they touch. */
export async function personalOf({ sql }: Pick<World, 'sql'>, personId: string) {
  const viewer = { id: personId, role: 'buyer', entityId: 'default' } as const;
  const endpoint = await createEndpoint(sql, viewer, { id: newId('webhookEndpoint'), url: 'https://example.com/', description: '', event_types: ['payout.updated'], secret: newSecret() }); // prettier-ignore
  const [event] = await sql<{ id: string }[]>`SELECT id FROM events WHERE id IS NOT NULL LIMIT 1`;
  const [delivery] = await sql<{ id: string }[]>`
    INSERT INTO webhook_deliveries (endpoint_id, event_id, status, started) VALUES (${endpoint.id}, ${event!.id}, 'failed', true) RETURNING id`;
  const key = await insertApiKey(sql, { id: newId('apiKey'), personId, key: newApiKey(), label: 'matrix', scopes: ['read'] }); // prettier-ignore
  const [notification] = await sql<{ id: string }[]>`
    INSERT INTO notifications (person_id, dedupe_key, kind) VALUES (${personId}, ${randomUUID()}, 'password_changed') RETURNING id`;
  const { token } = await createSession(sql, personId);
  const [session] = await sql<{ id: string }[]>`SELECT id FROM sessions WHERE token_hash = ${sha256(token)}`;
  const [invitation] = await sql<{ id: string }[]>`
    INSERT INTO invitations (entity_id, email, role, approver, invited_by, person_id)
    VALUES ('default', ${`${randomUUID()}@example.test`}, 'seller', false, ${personId}, ${newId('person')}) RETURNING id`;
  return {
    endpoint: endpoint.id,
    delivery: delivery!.id,
    key: key.id,
    notification: notification!.id,
    session: session!.id,
    invitation: invitation!.id,
  };
}
