// Buyer and seller who may be one party: what is remembered of payments, payout accounts and devices, and what of it is the
// same on both sides. A match is a reason to look, never a proof: an office shares its address, a couple its bank account.
import type { Queryable, Tx } from './client.ts';
import { raiseAlert } from './movements.ts';
import { sha256 } from './people.ts';

export type RiskKind = 'same_card' | 'same_bank' | 'same_device';

/** One match, as the escrow's workflow is told it: whose milestones, and a key that makes its repetition harmless. */
export interface Risk {
  escrowId: string;
  sellerId: string;
  kind: RiskKind;
  key: string;
}

const WORDS: Record<RiskKind, string> = {
  same_card: 'The payment was made with a card that is the seller’s: it is paid out to, or was paid with by a buyer of the seller’s mailbox.',
  same_bank: 'The payment was made from a bank account that is the seller’s: it is paid out to, or was paid from by a buyer of the seller’s mailbox.',
  same_device: 'Buyer and seller signed in from the same address with the same browser while this escrow ran.',
}; // prettier-ignore

/** A session lives twelve hours: one that began before the escrow may have made it. */
const BEFORE_THE_ESCROW = '12 hours';

export async function notePaymentFingerprint(
  tx: Queryable,
  p: { paymentId: string; escrowId: string; method: 'card' | 'bank'; fingerprint: string },
): Promise<void> {
  await tx`
    INSERT INTO payment_fingerprints (payment_id, escrow_id, buyer_id, method, fingerprint)
    SELECT ${p.paymentId}, id, buyer_id, ${p.method}, ${p.fingerprint} FROM escrows WHERE id = ${p.escrowId}
    ON CONFLICT (payment_id) DO NOTHING`;
}

/** What the seller is paid to now; what was there before stays known. */
export async function noteExternalAccounts(sql: Queryable, sellerId: string, fingerprints: readonly string[]): Promise<void> {
  for (const fingerprint of fingerprints) {
    await sql`INSERT INTO seller_fingerprints (seller_id, fingerprint) VALUES (${sellerId}, ${fingerprint}) ON CONFLICT DO NOTHING`;
  }
  await sql`UPDATE sellers SET external_accounts_read_at = now() WHERE id = ${sellerId}`;
} // prettier-ignore

/** Where somebody signs in from. Of an address that stands for many (a proxy's) nothing is to be noted. */
export async function noteDevice(sql: Queryable, personId: string, address: string, agent: string): Promise<void> {
  await sql`
    INSERT INTO person_devices (person_id, device_hash) VALUES (${personId}, ${sha256(`${address}\n${agent}`)})
    ON CONFLICT (person_id, device_hash) DO UPDATE SET last_seen_at = now()`;
}

/** Sellers with money on its way whose payout accounts were not read for a day. */
export async function sellersToRead(sql: Queryable, limit: number): Promise<{ id: string; account: string }[]> {
  return sql<{ id: string; account: string }[]>`
    SELECT s.id, s.stripe_account_id AS account FROM sellers s
    WHERE s.status NOT IN ('disabled', 'disconnected')
      AND (s.external_accounts_read_at IS NULL OR s.external_accounts_read_at < now() - interval '1 day')
      AND EXISTS (SELECT FROM milestones m JOIN escrows e ON e.id = m.escrow_id
                  WHERE m.seller_id = s.id AND e.status IN ('active', 'amending') AND m.status NOT IN ('released', 'refunded', 'cancelled'))
    ORDER BY s.external_accounts_read_at NULLS FIRST LIMIT ${limit}`;
}

/**
 * Compares both sides of one escrow, or of every one that is under way; each new match is written down and put before ops.
 * Answers what the workflows have not been told yet.
 */
export async function findRisks(tx: Tx, escrowId: string | null = null): Promise<Risk[]> {
  const found = await tx<{ escrow_id: string; seller_id: string; buyer_id: string; kind: RiskKind; subject: string }[]>`
    WITH pairs AS (
      SELECT DISTINCT e.id AS escrow_id, e.buyer_id, m.seller_id, e.created_at
      FROM escrows e JOIN milestones m ON m.escrow_id = e.id
      WHERE m.status NOT IN ('released', 'refunded', 'cancelled')
        AND ${escrowId === null ? tx`e.status IN ('active', 'amending')` : tx`e.id = ${escrowId}`}
    ), paid AS (
      SELECT p.*, f.method, f.fingerprint FROM pairs p JOIN payment_fingerprints f ON f.escrow_id = p.escrow_id
    ), found AS (
      SELECT paid.escrow_id, paid.seller_id, paid.buyer_id, 'same_' || paid.method AS kind, paid.fingerprint AS subject
      FROM paid JOIN seller_fingerprints s ON s.seller_id = paid.seller_id AND s.fingerprint = paid.fingerprint
      UNION
      SELECT paid.escrow_id, paid.seller_id, paid.buyer_id, 'same_' || paid.method, paid.fingerprint
      FROM paid JOIN people seller ON seller.id = paid.seller_id
        JOIN payment_fingerprints other ON other.fingerprint = paid.fingerprint AND other.buyer_id <> paid.buyer_id
        JOIN people owner ON owner.id = other.buyer_id AND mailbox(owner.email) = mailbox(seller.email)
      UNION
      SELECT p.escrow_id, p.seller_id, p.buyer_id, 'same_device', b.device_hash
      FROM pairs p JOIN person_devices b ON b.person_id = p.buyer_id AND b.last_seen_at >= p.created_at - ${BEFORE_THE_ESCROW}::interval
        JOIN person_devices s ON s.person_id = p.seller_id AND s.device_hash = b.device_hash
          AND s.last_seen_at >= p.created_at - ${BEFORE_THE_ESCROW}::interval
    ), fresh AS (
      INSERT INTO risk_matches (escrow_id, seller_id, kind, subject)
      SELECT escrow_id, seller_id, kind, subject FROM found
      ON CONFLICT DO NOTHING RETURNING escrow_id, seller_id, kind, subject
    )
    SELECT fresh.*, e.buyer_id FROM fresh JOIN escrows e ON e.id = fresh.escrow_id`;
  for (const { escrow_id, seller_id, buyer_id, kind, subject } of found) {
    const key = `risk:${escrow_id}:${seller_id}:${kind}:${subject}`;
    await raiseAlert(tx, { kind: 'risk_match', key, escrowId: escrow_id, detail: { why: kind, reason: WORDS[kind], buyer_id, seller_id } }); // prettier-ignore
  }
  return tx<Risk[]>`
    SELECT escrow_id AS "escrowId", seller_id AS "sellerId", kind, kind || ':' || left(subject, 12) AS key
    FROM risk_matches WHERE told_at IS NULL AND ${escrowId === null ? tx`true` : tx`escrow_id = ${escrowId}`}`;
}

export async function riskTold(sql: Queryable, risk: Risk): Promise<void> {
  await sql`
    UPDATE risk_matches SET told_at = now()
    WHERE escrow_id = ${risk.escrowId} AND seller_id = ${risk.sellerId} AND kind || ':' || left(subject, 12) = ${risk.key}`;
}

/** Addresses are not kept for longer than they can matter. Answers how many went. */
export async function forgetDevices(sql: Queryable): Promise<number> {
  return (await sql`DELETE FROM person_devices WHERE last_seen_at < now() - interval '180 days'`).count;
}
