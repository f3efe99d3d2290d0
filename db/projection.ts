// The projection of escrows: what pages and lists read. Written from workflow snapshots only; only what is newer applies.
import type { EscrowSnapshot, MilestoneState } from '../domain/escrow-state.ts';
import { partiesOf, type Terms } from '../domain/terms.ts';
import type { Tx } from './client.ts';
import { type ProjectedEscrow, tellOfEscrow } from './messages.ts';

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
  const { fresh, ...projected } = await applySnapshot(tx, snapshot);
  if (snapshot.amendment) await insertTerms(tx, snapshot.id, snapshot.amendment.terms, snapshot.amendment.termsHash);
  await tellOfEscrow(tx, snapshot.id, projected, snapshot.events.filter((event) => fresh.includes(event.seq))); // prettier-ignore
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

/** Which events were not there yet, and what the projection says now; migrations/0160_projection.sql. */
async function applySnapshot(tx: Tx, s: EscrowSnapshot): Promise<ProjectedEscrow & { fresh: number[] }> {
  const head = {
    settlement_currency: s.settlementCurrency,
    status: s.status,
    terms_version: s.termsVersion,
    terms_hash: s.termsHash,
    revision: s.headRevision,
    state: headOf(s),
  };
  const milestones = s.milestones.map((m, position) => ({
    id: m.id,
    position,
    seller_id: m.sellerId,
    status: m.status,
    amount: m.amount,
    revision: m.revision,
    state: m,
    deadline: deadlineOf(m),
  }));
  const events = s.events.map((e) => ({
    seq: e.seq,
    at: new Date(e.at),
    type: e.type,
    actor: e.actor,
    milestone_id: e.milestoneId,
    data: e.data,
  }));
  const [row] = await tx<(ProjectedEscrow & { fresh: number[] })[]>`
    SELECT * FROM project_snapshot(${s.id}, ${tx.json(head as never)}, ${tx.json(milestones as never)}, ${tx.json(events as never)})`;
  // The answer to its creation is not stored yet: whoever writes this tries again after it.
  if (!row) throw new Error(`escrow ${s.id} is not in the projection yet`);
  return row;
}

const deadlineOf = (m: MilestoneState): string | null =>
  m.status === 'submitted' && m.inspection ? new Date(m.inspection.endsAt).toISOString() : null;
