// Events of a seller's account: what the seller may receive is fetched, stored, and told to the escrows that wait for it.
import type { InboxEvent } from '../../db/inbox-queue.ts';
import type { TransfersCapability } from '../../payments/port.ts';
import { readExternalAccounts, tellRisks } from '../risks.ts';
import type { Handler, HandlerContext, Outcome } from './context.ts';
import { objectIdOf, orMissing } from './context.ts';

type GoneStatus = 'disabled' | 'disconnected';

export const account: Handler = async (event, context) => {
  const accountId = event.object_id?.startsWith('acct_') ? event.object_id : (event.account ?? objectIdOf(event));
  const fetched = await orMissing(context.stripe.retrieveAccount(accountId));
  // An account that cannot be read any more can receive nothing.
  const gone = fetched === null || event.type === 'v2.core.account.closed' ? 'disabled' : null;
  return store(event, accountId, context, {
    transfers: gone === null && fetched !== null ? fetched.transfers : 'inactive',
    requirements: fetched?.requirements ?? [],
    gone,
    sellerId: fetched?.metadata['seller_id'] ?? null,
  });
};

/** The event's object is the application; the account is the event's own. */
export const accountDeauthorized: Handler = async (event, context) => {
  if (event.account === null) return { state: 'ignored', reason: 'the event names no account' };
  return store(event, event.account, context, {
    transfers: 'inactive',
    requirements: [],
    gone: 'disconnected',
    sellerId: null,
  });
};

/** What a seller is paid to changed: it is read, and held against what buyers paid with. */
export const externalAccount: Handler = async (event, { sql, stripe, signals }) => {
  const [seller] = await sql<{ id: string }[]>`SELECT id FROM sellers WHERE stripe_account_id = ${event.account}`;
  // Of an account that is not stored yet: the sweep reads it once money is on its way to it.
  if (seller === undefined || event.account === null) return { state: 'ignored', reason: 'of no seller that is known' };
  await readExternalAccounts(sql, stripe, seller.id, event.account);
  await tellRisks(sql, signals);
  return { state: 'done', escrowId: null };
};

interface AccountNow {
  transfers: TransfersCapability;
  requirements: readonly string[];
  gone: GoneStatus | null;
  /** As its metadata says. */
  sellerId: string | null;
}

async function store(
  event: InboxEvent,
  accountId: string,
  { sql, signals, logger }: HandlerContext,
  now: AccountNow,
): Promise<Outcome> {
  // Whoever was active and is not any more is restricted, not new.
  const [seller] = await sql<{ id: string; before: TransfersCapability }[]>`
    UPDATE sellers new SET
      transfers = ${now.transfers}, requirements = ${sql.json([...now.requirements])}, updated_at = now(),
      status = coalesce(${now.gone}, CASE
        WHEN ${now.transfers} = 'active' THEN 'active'
        WHEN old.status = 'active' THEN 'restricted'
        ELSE old.status END)
    FROM (SELECT id, status, transfers FROM sellers WHERE stripe_account_id = ${accountId} FOR UPDATE) old
    WHERE new.id = old.id
    RETURNING new.id, old.transfers AS before`;
  if (seller === undefined) {
    const [person] = await sql`SELECT 1 FROM people WHERE id = ${now.sellerId}`;
    // Ours, but faster than the answer that creates its row: ignoring it would lose the change.
    if (person !== undefined) throw new Error(`the account ${accountId} of ${now.sellerId} is not stored yet`);
    return { state: 'quarantined', account: accountId, reason: `account ${accountId} is no seller's` };
  }
  // A try before this one may have stored the change and died before it told anybody: then it is told again.
  const known = seller.before === now.transfers && event.attempts === 1;
  if (known && now.transfers !== 'active') return { state: 'done', escrowId: null };
  // Where somebody else wrote it down first, those that wait for this seller have not heard of it.
  const waiting = await sql<{ escrow_id: string }[]>`
    SELECT DISTINCT m.escrow_id FROM milestones m JOIN escrows e ON e.id = m.escrow_id
    WHERE m.seller_id = ${seller.id} AND m.status NOT IN ('released', 'refunded', 'cancelled')
      AND ${known ? sql`m.state -> 'releases' @> '[{"status": "blocked_kyc"}]'` : sql`true`}
      AND e.status NOT IN ('completed', 'cancelled', 'expired')`;
  for (const { escrow_id } of waiting) {
    await signals.sellerChanged(escrow_id, { sellerId: seller.id, transfers: now.transfers });
  }
  logger.info({ seller_id: seller.id, transfers: now.transfers, escrows: waiting.length }, 'seller changed');
  return { state: 'done', escrowId: null };
}
