// transfer.*: reconciled against our movements; the workflow is not told, because its own activity made the transfer.
import { raiseAlert } from '../../db/movements.ts';
import type { Handler } from './context.ts';
import { objectIdOf, orMissing } from './context.ts';

interface KnownTransfer {
  escrow_id: string;
  reversed: bigint;
}

export const transfer: Handler = async (event, { sql, stripe }) => {
  const fetched = await orMissing(stripe.retrieveTransfer(objectIdOf(event)));
  if (fetched === null) return { state: 'ignored', reason: 'Stripe knows no such transfer' };
  // The event may come before our own answer is stored: then the movement's id in the metadata finds it.
  const movementId = fetched.metadata['transfer_id'] ?? fetched.metadata['movement_id'] ?? null;
  const [known] = await sql<KnownTransfer[]>`
    SELECT m.escrow_id, coalesce(sum(r.settled_amount), 0)::bigint AS reversed
    FROM movements m
    LEFT JOIN movements r ON r.reverses = m.id AND r.status NOT IN ('failed', 'canceled')
    WHERE m.kind = 'transfer' AND (m.stripe_id = ${fetched.id} OR m.id = ${movementId})
    GROUP BY m.id`;
  if (known === undefined) {
    await raiseAlert(sql, {
      kind: 'unknown_transfer',
      key: `unknown_transfer:${fetched.id}`,
      escrowId: fetched.metadata['escrow_id'] ?? null,
      detail: { transfer: fetched.id, event_id: event.id, type: event.type },
    });
    return { state: 'done', escrowId: null };
  }
  if (fetched.reversedMinor > known.reversed) {
    await raiseAlert(sql, {
      kind: 'unknown_reversal',
      key: `unknown_reversal:${fetched.id}:${fetched.reversedMinor}`,
      escrowId: known.escrow_id,
      detail: { transfer: fetched.id, amount_reversed: fetched.reversedMinor.toString(), event_id: event.id },
    });
  }
  return { state: 'done', escrowId: known.escrow_id };
};
