// The projection of escrows: what pages and lists read. Written from workflow snapshots only; only what is newer applies.
import type { EscrowEvent, EscrowSnapshot, MilestoneState } from '../domain/escrow-state.ts';
import { partiesOf, type Terms } from '../domain/terms.ts';
import type { Tx } from './client.ts';
import { tellOfProjection } from './messages.ts';

/** What is stored once, when an escrow is created. */
export interface ProjectedTerms {
  terms: Terms;
  hash: string;
  externalId?: string | null | undefined;
  metadata?: Record<string, string> | undefined;
}

/** Safe to repeat and to run out of order: the head and each milestone carry the revision of their last change. */
export async function project(tx: Tx, snapshot: EscrowSnapshot, creation?: ProjectedTerms): Promise<void> {
  if (creation) await insertEscrow(tx, snapshot, creation);
  else await updateHead(tx, snapshot);
  if (snapshot.amendment) await insertTerms(tx, snapshot.id, snapshot.amendment.terms, snapshot.amendment.termsHash);
  await upsertMilestones(tx, snapshot);
  await tellOfProjection(tx, snapshot.id, await insertEvents(tx, snapshot));
}

function headOf(snapshot: EscrowSnapshot) {
  const { milestones: _milestones, events: _events, ...head } = snapshot;
  return head;
}

async function insertEscrow(
  tx: Tx,
  s: EscrowSnapshot,
  { terms, hash, externalId, metadata }: ProjectedTerms,
): Promise<void> {
  await tx`
    INSERT INTO escrows AS e (id, entity_id, buyer_id, title, currency, settlement_currency, status, terms_version, terms_hash,
                              revision, state, external_id, metadata, created_at)
    VALUES (${s.id}, ${terms.entityId}, ${terms.buyerId}, ${terms.title}, ${terms.currency}, ${s.settlementCurrency}, ${s.status},
            ${s.termsVersion}, ${s.termsHash}, ${s.headRevision}, ${tx.json(headOf(s) as never)}, ${externalId ?? null},
            ${tx.json(metadata ?? {})}, ${new Date(s.createdAt)})
    ON CONFLICT (id) DO UPDATE SET
      settlement_currency = EXCLUDED.settlement_currency, status = EXCLUDED.status, terms_version = EXCLUDED.terms_version,
      terms_hash = EXCLUDED.terms_hash, revision = EXCLUDED.revision, state = EXCLUDED.state, updated_at = now()
    WHERE e.revision < EXCLUDED.revision`;
  await insertTerms(tx, s.id, terms, hash);
}

/** One row per version; a version that is only proposed is stored too, and its new parties may read the escrow. */
async function insertTerms(tx: Tx, escrowId: string, terms: Terms, hash: string): Promise<void> {
  await tx`
    INSERT INTO escrow_terms (escrow_id, version, hash, body)
    VALUES (${escrowId}, ${terms.version}, ${hash}, ${tx.json(terms as never)})
    ON CONFLICT (escrow_id, hash) DO NOTHING`;
  const parties = partiesOf(terms).map((person) => ({
    escrow_id: escrowId,
    person_id: person,
    role: person === terms.buyerId ? 'buyer' : 'seller',
  }));
  await tx`INSERT INTO escrow_parties ${tx(parties)} ON CONFLICT (person_id, escrow_id) DO NOTHING`;
}

async function updateHead(tx: Tx, s: EscrowSnapshot): Promise<void> {
  const [row] = await tx<{ revision: number }[]>`SELECT revision FROM escrows WHERE id = ${s.id} FOR UPDATE`;
  // The answer to its creation is not stored yet: whoever writes this tries again after it.
  if (!row) throw new Error(`escrow ${s.id} is not in the projection yet`);
  if (row.revision >= s.headRevision) return;
  await tx`
    UPDATE escrows SET settlement_currency = ${s.settlementCurrency}, status = ${s.status}, terms_version = ${s.termsVersion},
      terms_hash = ${s.termsHash}, revision = ${s.headRevision}, state = ${tx.json(headOf(s) as never)}, updated_at = now()
    WHERE id = ${s.id}`;
}

async function upsertMilestones(tx: Tx, s: EscrowSnapshot): Promise<void> {
  const rows = s.milestones.map((m, position) => ({
    id: m.id,
    position,
    seller_id: m.sellerId,
    status: m.status,
    amount: m.amount,
    revision: m.revision,
    state: m,
    deadline: deadlineOf(m),
  }));
  // In one statement and in one order, so that two writers of the same escrow never wait for each other crosswise.
  await tx`
    INSERT INTO milestones AS m (id, escrow_id, position, seller_id, status, amount, revision, state, deadline)
    SELECT r.id, ${s.id}, r.position, r.seller_id, r.status, r.amount, r.revision, r.state, r.deadline
    FROM jsonb_to_recordset(${tx.json(rows as never)}) AS r(
      id text, position integer, seller_id text, status text, amount bigint, revision integer, state jsonb, deadline timestamptz)
    ORDER BY r.id
    ON CONFLICT (id) DO UPDATE SET
      status = EXCLUDED.status, amount = EXCLUDED.amount, revision = EXCLUDED.revision, state = EXCLUDED.state,
      deadline = EXCLUDED.deadline
    WHERE m.revision < EXCLUDED.revision`;
}

const deadlineOf = (m: MilestoneState): string | null =>
  m.status === 'submitted' && m.inspection ? new Date(m.inspection.endsAt).toISOString() : null;

/** Answers those that were not there yet. */
async function insertEvents(tx: Tx, s: EscrowSnapshot): Promise<EscrowEvent[]> {
  if (s.events.length === 0) return [];
  const rows = s.events.map((e) => ({
    escrow_id: s.id,
    seq: e.seq,
    at: new Date(e.at),
    type: e.type,
    actor: tx.json(e.actor as never),
    milestone_id: e.milestoneId,
    data: tx.json(e.data),
  }));
  const fresh = await tx<{ seq: number }[]>`
    INSERT INTO escrow_events ${tx(rows)} ON CONFLICT (escrow_id, seq) DO NOTHING RETURNING seq`;
  const seqs = new Set(fresh.map((row) => row.seq));
  return s.events.filter((e) => seqs.has(e.seq));
}
