// A payout of a connected account: stored for its seller as Stripe tells it now; a failure is put before the seller and ops.
import { raiseAlert } from '../../db/movements.ts';
import { queueMessages } from '../../db/messages.ts';
import { payoutAdvice, storePayout } from '../../db/payouts.ts';
import { findSellerByAccount } from '../../db/sellers.ts';
import type { Handler } from './context.ts';
import { objectIdOf, orMissing } from './context.ts';

export const payout: Handler = async (event, { sql, stripe }) => {
  const id = objectIdOf(event);
  if (event.account === null) {
    // The platform's own: it draws on the balance that holds buyers' money, so a person looks at each.
    await raiseAlert(sql, { kind: 'platform_payout', key: `${event.type}:${id}`, escrowId: null, detail: { event_id: event.id, type: event.type, object_id: id } }); // prettier-ignore
    return { state: 'done', escrowId: null };
  }
  const seller = await findSellerByAccount(sql, event.account);
  if (seller === null)
    return { state: 'quarantined', account: event.account, reason: `account ${event.account} is no seller's` };
  const facts = await orMissing(stripe.retrievePayout(id, event.account));
  if (facts === null) return { state: 'ignored', reason: 'Stripe knows no such payout' };
  await sql.begin(async (tx) => {
    await storePayout(tx, seller.id, facts);
    if (facts.status !== 'failed') return;
    await queueMessages(tx, [{ kind: 'payout_failed', key: `payout_failed:${id}`, personId: seller.id, data: { payout_id: id, code: facts.failureCode, advice: payoutAdvice({ status: facts.status, failure_code: facts.failureCode }) } }]); // prettier-ignore
    await raiseAlert(tx, { kind: 'payout_failed', key: `payout_failed:${id}`, escrowId: null, detail: { seller_id: seller.id, payout_id: id, code: facts.failureCode } }); // prettier-ignore
  });
  return { state: 'done', escrowId: null };
};
