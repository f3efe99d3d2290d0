// A debt as both its seller and ops read it: what opened it, what was taken off it, what is still open.
import { type Debt, openRest, type TakenOff } from '../../db/debts.ts';
import type { Reader } from '../reader.ts';
import { DEBT_STATUS } from '../money-words.ts';
import { Moment, Money, StatusChip } from './basics.tsx';

interface DebtCardProps {
  reader: Reader;
  debt: Debt;
  taken: readonly TakenOff[];
  /** Above it. */
  heading: string;
  href?: string;
}

const CAUSES: Record<string, string> = { refund: 'a refund after release', dispute: 'a lost dispute at the bank' };

export const causeWords = (d: Pick<Debt, 'cause' | 'kind'>): string => {
  if (d.kind === 'costs') return 'Stripe’s fee for a lost dispute at the bank, which the terms make yours';
  const known = Object.keys(d.cause).find((name) => CAUSES[name] !== undefined);
  return known === undefined ? 'money that was paid out and had to be given back' : CAUSES[known]!;
};

export function DebtCard({ reader, debt, taken, heading, href }: DebtCardProps) {
  const of = (amount: bigint) => <Money reader={reader} of={{ amount, currency: debt.currency }} />;
  return (
    <li class="card row" id={debt.id}>
      <div class="head">
        <div>
          {/* Without an address it is the page of this debt: under its title. */}
          {href === undefined ? (
            <h2>{heading}</h2>
          ) : (
            <h3>
              <a href={href}>{heading}</a>
            </h3>
          )}
          <p class="quiet">
            By {causeWords(debt)}, <Moment reader={reader} at={debt.created_at} /> ·{' '}
            <a href={`/escrows/${debt.escrow_id}`}>its escrow</a>
          </p>
        </div>
        <p class="amount">{of(openRest(debt))}</p>
      </div>
      <StatusChip {...DEBT_STATUS[debt.status]} />
      <ul class="plain-list">
        <li>Owed at first: {of(debt.amount)}</li>
        {taken.map((t) => (
          <li>
            {t.how === 'repaid' ? 'Repaid by bank transfer' : 'Taken out of a release'}: {of(t.amount)},{' '}
            <Moment reader={reader} at={t.created_at} />
            {t.escrow_id === null ? (
              <span class="quiet"> ({t.reference})</span>
            ) : (
              <>
                {' '}
                · <a href={`/escrows/${t.escrow_id}`}>that escrow</a>
              </>
            )}
          </li>
        ))}
        {debt.written_off === 0n ? null : <li>Written off: {of(debt.written_off)}</li>}
        {debt.cancelled === 0n ? null : <li>Cancelled, because what opened it failed: {of(debt.cancelled)}</li>}
        <li class="strong">Still open: {of(openRest(debt))}</li>
      </ul>
    </li>
  );
}
