// Release parts that were accepted and not transferred: what is left of each, and what a lost chargeback takes of it.
import { transferIdOf } from '../domain/ids.ts';
import type { Tx } from './client.ts';
import { changeMovement, lockMovement, TAKEN_BY_LOSS, useCharge } from './movements.ts';

export interface AcceptedPart {
  milestoneId: string;
  part: number;
  /** Payable to the seller, settlement currency. */
  leftMinor: bigint;
}

/** The last ones first; only what is not transferred, set off or taken yet. */
export async function acceptedParts(tx: Tx, milestoneId: string): Promise<AcceptedPart[]> {
  const rows = await tx<{ part: number; payable: bigint }[]>`
    SELECT split_part(t.idempotency_key, ':', 3)::integer AS part, -sum(e.amount)::bigint AS payable
    FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.transaction_id
    WHERE e.milestone_id = ${milestoneId} AND e.kind IN ('part_accepted', 'part_withdrawn') AND e.account_class = 'payable'
    GROUP BY 1 ORDER BY 1 DESC`;
  const parts: AcceptedPart[] = [];
  for (const { part, payable } of rows) {
    const id = transferIdOf(milestoneId, part);
    const [gone] = await tx<{ total: bigint }[]>`
      SELECT (coalesce((SELECT sum(amount) FROM set_offs WHERE transfer_id = ${id}), 0)
            + coalesce((SELECT sum(amount) FROM charged_back_parts WHERE transfer_id = ${id}), 0)
            + coalesce((SELECT sum(amount) FROM movements WHERE id = ${id} AND status = 'succeeded'), 0))::bigint AS total`;
    if (payable > gone!.total) parts.push({ milestoneId, part, leftMinor: payable - gone!.total });
  }
  return parts;
}

/** Makes the part's transfer smaller, or takes it away. Its posting is the caller's, in the same transaction. */
export async function takeOfPart(
  tx: Tx,
  disputeId: string,
  taken: { milestoneId: string; part: number; minor: bigint },
): Promise<void> {
  const id = transferIdOf(taken.milestoneId, taken.part);
  await tx`INSERT INTO charged_back_parts (transfer_id, dispute_id, amount) VALUES (${id}, ${disputeId}, ${taken.minor})`;
  const movement = await lockMovement(tx, id);
  if (movement === null) return;
  if (movement.amount === taken.minor) await changeMovement(tx, id, { status: 'canceled', error_code: TAKEN_BY_LOSS });
  else {
    const left = movement.amount - taken.minor;
    await tx`UPDATE movements SET amount = ${left}, settled_amount = ${left}, updated_at = now() WHERE id = ${id}`;
  }
  await useCharge(tx, movement.stripe_charge_id!, { transferred: -taken.minor });
}
