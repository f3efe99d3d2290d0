// What an act does before it is done: sentences, then the dry run's figures: every money term now and after, and each call to Stripe.
import type { Child } from 'hono/jsx';
import type { z } from 'zod';
import type { previewSchema } from '../../api/preview.ts';
import type { Money as LedgerMoney, MoneyTerm } from '../../db/ledger.ts';
import { MONEY_TERMS } from '../../db/ledger.ts';
import type { Consequences } from '../consequences.ts';
import type { Reader } from '../reader.ts';
import { MONEY_WORDS, STRIPE_CALLS } from '../money-words.ts';
import { Moment, Money } from './basics.tsx';

export interface DryRunResult {
  before: LedgerMoney;
  preview: z.output<typeof previewSchema>;
}

export function ConsequencePanel({ consequences, children }: { consequences: Consequences; children?: Child }) {
  const { happens, stays, irreversible } = consequences;
  return (
    <section class="consequences" aria-labelledby="consequences">
      <h2 id="consequences">What happens</h2>
      <ul>
        {happens.map((line) => (
          <li>{line}</li>
        ))}
      </ul>
      {stays.length === 0 ? null : (
        <>
          <h3>What stays</h3>
          <ul>
            {stays.map((line) => (
              <li>{line}</li>
            ))}
          </ul>
        </>
      )}
      {children}
      {irreversible === null ? null : <p class="strong">{irreversible}</p>}
    </section>
  );
}

export function DryRun({ reader, result }: { reader: Reader; result: DryRunResult | null }) {
  if (result === null || !result.preview.allowed) return null;
  const { before, preview } = result;
  const rows = MONEY_TERMS.flatMap((term: MoneyTerm) => {
    const after = preview.money_after[term];
    return BigInt(after.amount) === before[term] ? [] : [{ term, after }];
  });
  if (rows.length === 0 && preview.needs === null) return null;
  return (
    <>
      {preview.needs === null ? null : <p class="strong">{preview.needs}</p>}
      {rows.length === 0 ? null : (
        <div class="scroll" tabindex={0} role="region" aria-label="The money now and after">
          <table>
            <caption class="left">The money of this escrow, now and after</caption>
            <thead>
              <tr>
                <th scope="col">Where</th>
                <th scope="col" class="right">
                  Now
                </th>
                <th scope="col" class="right">
                  After
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ term, after }) => (
                <tr>
                  <th scope="row">{MONEY_WORDS[term]}</th>
                  <td class="right">
                    <Money reader={reader} of={{ amount: before[term], currency: after.currency }} />
                  </td>
                  <td class="right">
                    <Money reader={reader} of={after} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {preview.waits.map(({ amount, until }) => (
        <p>
          <Money reader={reader} of={amount} /> goes to the seller{' '}
          {until === null ? (
            'when Stripe lets them receive it.'
          ) : (
            <>
              by itself <Moment reader={reader} at={until} />: the platform waits before it pays a seller for the first
              time.
            </>
          )}
        </p>
      ))}
      {preview.stripe_calls.map((call) => (
        <p class="quiet">
          At Stripe: {STRIPE_CALLS[call.call] ?? call.call} of <Money reader={reader} of={call.amount} />
        </p>
      ))}
    </>
  );
}
