// Where the money of an escrow is: one stacked bar over everything that came in, each part with its figure, and the sum.
import { identityHolds, type Money as LedgerMoney, type MoneyTerm } from '../../db/ledger.ts';
import type { Reader } from '../reader.ts';
import { MONEY_WORDS } from '../money-words.ts';
import { Money } from './basics.tsx';

const PARTS: readonly MoneyTerm[] = ['held', 'released', 'refunded', 'charged_back', 'fees', 'tax'];
const SOURCES: readonly MoneyTerm[] = ['charged', 'owed', 'absorbed'];
const WIDTH = 1000;

interface MoneyBarProps {
  reader: Reader;
  money: LedgerMoney;
  currency: string;
  /** The money page: each figure links to the ledger entries behind it. */
  detailsAt: string;
}

export function MoneyBar({ reader, money, currency, detailsAt }: MoneyBarProps) {
  const total = SOURCES.reduce((sum, term) => sum + money[term], 0n);
  if (total === 0n) {
    return <p class="quiet">Nothing has been paid yet. What is paid is held here until the work is accepted.</p>;
  }
  const shown = PARTS.filter((term) => money[term] !== 0n);
  const of = (term: MoneyTerm) => <Money reader={reader} of={{ amount: money[term], currency }} />;
  return (
    <div class="money-bar">
      <Bar parts={shown.map((term) => ({ term, size: Number((money[term] * BigInt(WIDTH)) / total) }))} />
      <dl>
        {shown.map((term) => (
          <div>
            <dt>
              <span class={`swatch ${term}`} aria-hidden="true"></span>
              {MONEY_WORDS[term]}
            </dt>
            <dd>
              <a href={`${detailsAt}?term=${term}#behind`}>{of(term)}</a>
            </dd>
          </div>
        ))}
        <div class="sum">
          <dt>
            {SOURCES.filter((term) => money[term] !== 0n)
              .map((term) => MONEY_WORDS[term])
              .join(' + ')}
          </dt>
          <dd>
            <a href={`${detailsAt}?term=charged#behind`}>
              <Money reader={reader} of={{ amount: total, currency }} />
            </a>
          </dd>
        </div>
      </dl>
      <p class="quiet">
        {identityHolds(money)
          ? 'It adds up: what came in is what is held and what went out.'
          : 'It does not add up at this moment. Nothing moves; our staff have been told.'}
        {money.disputed === 0n ? null : (
          <>
            {' '}
            <a href={`${detailsAt}?term=disputed#behind`}>{of('disputed')}</a> of it is disputed at the bank.
          </>
        )}
      </p>
    </div>
  );
}

/** Widths are attributes of shapes, because the content security policy forbids inline styles. */
function Bar({ parts }: { parts: { term: MoneyTerm; size: number }[] }) {
  let x = 0;
  return (
    <svg class="bar" viewBox={`0 0 ${WIDTH} 24`} preserveAspectRatio="none" aria-hidden="true" focusable="false">
      {parts.map(({ term, size }) => {
        const at = x;
        x += size;
        return <rect class={term} x={String(at)} y="0" width={String(Math.max(size, 4))} height="24" />;
      })}
    </svg>
  );
}
