// What of a charge's money is still under way when a dispute of it is lost: settled where its outcome can be looked up,
// waited for where somebody is at it. A loss is divided only over money that stands still.
import { bookTransfer } from '../db/bookings.ts';
import type { CardDispute, StoredTakenPart } from '../db/card-disputes.ts';
import type { Tx } from '../db/client.ts';
import type { Movement } from '../db/movements.ts';
import { transferIdOf } from '../domain/ids.ts';
import { refundFlow } from './refund-flow.ts';
import { type ActivityDeps, madeOf, readFromStripe } from './stripe-call.ts';

/** Longer than the pause between two tries of an activity: who has not called for so long is not calling. */
const STILL_CALLING_MS = 15 * 60_000;

/**
 * Of the accepted parts that a loss is about to take: transfers that somebody has called for, or made, since it looked. They are
 * locked until the plan stands; from then on `noteCall` refuses them.
 */
export async function movedMeanwhile(tx: Tx, parts: readonly StoredTakenPart[]): Promise<string[]> {
  const ids = parts.map((p) => transferIdOf(p.milestoneId, p.part));
  if (ids.length === 0) return [];
  // By a statement of its own: what its holder has committed is seen by the next one.
  await tx`SELECT FROM movements WHERE id IN ${tx(ids)} ORDER BY id FOR UPDATE`;
  const rows = await tx<{ id: string }[]>`
    SELECT m.id FROM movements m
    LEFT JOIN LATERAL (SELECT error_code, last_call_at FROM movement_attempts
                       WHERE movement_id = m.id ORDER BY generation DESC LIMIT 1) a ON true
    WHERE m.id IN ${tx(ids)} AND (m.status <> 'reserved' OR (a.error_code IS NULL
      AND greatest(m.created_at, a.last_call_at) > now() - ${STILL_CALLING_MS} * interval '1 millisecond'))
    ORDER BY m.id`;
  return rows.map((r) => r.id);
}

interface Open extends Movement {
  /** Stripe's refusal of its last key. */
  refused: string | null;
  calling: boolean;
  recovering: boolean;
}

/** Answers the ids that must come to their end first. */
export async function settleUnderWay(deps: ActivityDeps, dispute: CardDispute): Promise<string[]> {
  const { sql, payments } = deps;
  const open = await sql<Open[]>`
    SELECT m.*, a.error_code AS refused, r.id IS NOT NULL AS recovering,
           greatest(m.created_at, a.last_call_at) > now() - ${STILL_CALLING_MS} * interval '1 millisecond' AS calling
    FROM movements m
    LEFT JOIN LATERAL (SELECT error_code, last_call_at FROM movement_attempts
                       WHERE movement_id = m.id ORDER BY generation DESC LIMIT 1) a ON true
    LEFT JOIN recoveries r ON r.id = coalesce(m.recovery_id, m.id)
    WHERE m.stripe_charge_id = ${dispute.charge_id} AND m.kind IN ('refund', 'transfer', 'reversal')
      AND m.status IN ('reserved', 'pending') ORDER BY m.id`;
  const waits: string[] = [];
  for (const m of open) {
    // Refused, and tried again later under another key: it stands still.
    if (m.kind === 'transfer' && m.refused !== null && !m.recovering) continue;
    // A refund of released money has a workflow that brings it to its end.
    if (m.recovering || m.kind === 'reversal') waits.push(m.id);
    // Its escrow may have had no answer, and reads nothing before ops lift the freeze: Stripe says whether it is under way.
    else if (m.status === 'pending') {
      if (await isStillPending(m)) waits.push(m.id);
    } else if (m.calling) waits.push(m.id);
    else if (m.kind === 'refund') await settleRefund(m);
    else await settleTransfer(m);
  }
  const taken = await sql<{ id: string }[]>`
    SELECT r.id FROM recoveries r JOIN milestones m ON m.id = r.milestone_id
    WHERE r.status = 'reserved' AND r.escrow_id = ${dispute.escrow_id}
      AND m.state -> 'funds' ->> 'chargeId' = ${dispute.charge_id}`;
  return [...new Set([...waits, ...taken.map((r) => r.id)])];

  async function isStillPending(m: Movement): Promise<boolean> {
    const made = await readFromStripe(() => payments.retrieveRefund(m.stripe_id!));
    // A word that this version does not know ends nothing.
    if (made.status === 'unknown') return true;
    return (await refundFlow(deps).answer(m, made, 'charge_disputed')).outcome === 'pending';
  }

  async function settleRefund(m: Movement): Promise<void> {
    const [payment] = await sql<{ stripe_id: string }[]>`SELECT stripe_id FROM movements WHERE id = ${m.payment_id}`;
    const made = await readFromStripe(() => payments.listRefunds(payment!.stripe_id));
    const found = made.find((r) => r.metadata['refund_id'] === m.id) ?? null;
    await refundFlow(deps).answer(m, found, 'charge_disputed');
  }

  async function settleTransfer(m: Movement): Promise<void> {
    const made = await readFromStripe(() => payments.listTransfers(m.escrow_id));
    const found = made.find((t) => t.metadata['transfer_id'] === m.id);
    if (found) await sql.begin((tx) => bookTransfer(tx as Tx, m.id, madeOf(found)));
  }
}
