// Why the money of an escrow is where it is, in sentences from its live state.
import type { EscrowRecord } from '../db/escrows.ts';
import { isMilestoneEnd } from '../domain/escrow-state.ts';
import { plainMoney } from '../domain/money.ts';
import type { Waiting } from '../domain/waiting.ts';
import { milestoneWaitingOf, waitingOf } from './escrow-view.ts';

const sentence = (w: Waiting): string =>
  [w.what, w.until === null ? '' : `Until ${w.until}.`, w.otherwise === null ? '' : `Otherwise: ${w.otherwise}`]
    .filter((part) => part !== '')
    .join(' ');

/** What a seller owes from before, as that seller and staff may read it: it is taken out of a release first. */
export interface OwedBefore {
  sellerId: string;
  currency: string;
  open: bigint;
}

export function explain(record: EscrowRecord, owed: readonly OwedBefore[] = []) {
  const { state, money } = record;
  const currency = money.currency ?? state.settlementCurrency ?? state.terms.currency;
  const waiting = waitingOf(record);
  const balance =
    money.charged === 0n
      ? 'Nothing was charged yet.'
      : `Of ${plainMoney(money.charged, currency)} charged, ${plainMoney(money.held, currency)} is held, ${plainMoney(money.released, currency)} was released, ${plainMoney(money.refunded, currency)} was refunded and ${plainMoney(money.fees, currency)} are fees.`;
  return {
    object: 'explanation',
    escrow_id: state.id,
    status: state.status,
    summary: `${balance} ${sentence(waiting)}`,
    waiting_for: waiting,
    milestones: state.milestones.map((m) => {
      const own = milestoneWaitingOf(record, m);
      const before = owed.find(
        (o) => o.sellerId === m.sellerId && o.currency === currency && !isMilestoneEnd(m.status),
      );
      const netted = before ? ` Of what is released, ${plainMoney(before.open, currency)} that the seller owes from before is taken first.` : ''; // prettier-ignore
      const held = own.kind === 'first_release' ? undefined : m.releases.find((r) => r.status === 'held_first_release' && r.retryAt !== null); // prettier-ignore
      const waits = held ? ` What was accepted already waits until ${new Date(held.retryAt!).toISOString()}, because the platform pays this seller for the first time.` : ''; // prettier-ignore
      return {
        id: m.id,
        title: m.title,
        status: m.status,
        summary: `${sentence(own)}${netted}${waits}`,
        waiting_for: own,
      };
    }),
  };
}
