// Sellers for whom accepted money waits, read again from Stripe: an event may be lost, and Stripe may have refused a transfer
// to an account that it calls active.
import type { Sql } from '../db/client.ts';
import { updateSellerCapability } from '../db/sellers.ts';
import type { Payments } from '../payments/port.ts';
import type { EscrowSignals } from './handlers/context.ts';

/** Whoever can receive is told to the escrows that wait, which try again. Answers how many were told. */
export async function tryWaitingSellers(
  sql: Sql,
  payments: Pick<Payments, 'retrieveAccount'>,
  signals: Pick<EscrowSignals, 'sellerChanged'>,
): Promise<number> {
  const waiting = await sql<{ id: string; account: string; escrows: string[] }[]>`
    SELECT s.id, s.stripe_account_id AS account, array_agg(DISTINCT m.escrow_id) AS escrows
    FROM milestones m JOIN sellers s ON s.id = m.seller_id JOIN escrows e ON e.id = m.escrow_id
    WHERE m.state -> 'releases' @> '[{"status": "blocked_kyc"}]' AND e.status NOT IN ('completed', 'cancelled', 'expired')
      AND s.status NOT IN ('disabled', 'disconnected')
    GROUP BY s.id`;
  let told = 0;
  for (const { id, account, escrows } of waiting) {
    const { transfers, requirements } = await payments.retrieveAccount(account);
    await updateSellerCapability(sql, id, transfers, requirements);
    if (transfers !== 'active') continue;
    for (const escrowId of escrows) await signals.sellerChanged(escrowId, { sellerId: id, transfers });
    told += escrows.length;
  }
  return told;
}
