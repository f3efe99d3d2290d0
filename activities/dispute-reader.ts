import { type CardDispute, findCardDispute } from '../db/card-disputes.ts';
import { isReturnedDebit } from '../domain/chargeback.ts';
import { assert } from '../domain/errors.ts';
import type { DisputeFacts } from '../payments/port.ts';
import { returnedDebit } from '../payments/returned-debit.ts';
import { type ActivityDeps, readFromStripe } from './stripe-call.ts';

/** A card dispute as we know it, and as Stripe has it now; of a returned debit its failed charge says so. */
export function disputeReader({ sql, payments }: ActivityDeps) {
  async function known(disputeId: string): Promise<CardDispute> {
    const dispute = await findCardDispute(sql, disputeId);
    assert(dispute !== null, `dispute ${disputeId} is not known`);
    return dispute;
  }

  const atStripe = (d: CardDispute): Promise<DisputeFacts> =>
    isReturnedDebit(d) ? readReturned(d) : readFromStripe(() => payments.retrieveDispute(d.stripe_dispute_id));

  async function readReturned(d: CardDispute): Promise<DisputeFacts> {
    const facts = returnedDebit(await readFromStripe(() => payments.retrieveFailedCharge(d.charge_id)));
    assert(facts !== null, `charge ${d.charge_id} took nothing back, and its dispute ${d.id} says that it did`);
    return facts;
  }

  return { known, atStripe };
}
