// Why the money of an escrow is where it is, in sentences from its live state.
import type { EscrowRecord } from '../db/escrows.ts';
import { plainMoney } from '../domain/money.ts';
import type { Waiting } from '../domain/waiting.ts';
import { milestoneWaitingOf, waitingOf } from './escrow-view.ts';

const sentence = (w: Waiting): string =>
  [w.what, w.until === null ? '' : `Until ${w.until}.`, w.otherwise === null ? '' : `Otherwise: ${w.otherwise}`]
    .filter((part) => part !== '')
    .join(' ');

export function explain(record: EscrowRecord) {
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
      return { id: m.id, title: m.title, status: m.status, summary: sentence(own), waiting_for: own };
    }),
  };
}
