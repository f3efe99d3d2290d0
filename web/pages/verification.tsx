// A seller's own page: may I be paid, what is missing, and what the ledger holds for me.
import type { Seller, SellerBalance } from '../../db/sellers.ts';
import { EmptyState, ErrorState, Money, Notice, StatusChip } from '../parts/basics.tsx';
import { Form, newKey } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import type { Reader } from '../reader.ts';
import { TRANSFERS_WORDS } from '../words.ts';

interface VerificationProps {
  reader: Reader;
  /** Null: no Stripe account yet. */
  seller: Seller | null;
  balances: readonly SellerBalance[];
  totals: readonly { currency: string; held: bigint; transferred: bigint }[];
  notice: string | undefined;
  problem?: string | undefined;
}

export function VerificationPage({ reader, seller, balances, totals, notice, problem }: VerificationProps) {
  return (
    <Layout title="Verification and money" reader={reader} path="/verification">
      <h1>Verification and money</h1>
      <Notice text={notice} />
      {problem === undefined ? null : (
        <ErrorState title="Stripe’s page could not be opened">
          <p>{problem} Nothing has changed; try again.</p>
        </ErrorState>
      )}
      <section class="card" aria-labelledby="verification">
        <h2 id="verification">Verification</h2>
        {seller === null ? (
          <p>You have no account with Stripe yet. Whoever registered you creates it.</p>
        ) : (
          <Verification reader={reader} seller={seller} />
        )}
      </section>
      <section class="card" aria-labelledby="your-money">
        <h2 id="your-money">Your money</h2>
        <Balances reader={reader} balances={balances} totals={totals} />
      </section>
    </Layout>
  );
}

function Verification({ reader, seller }: { reader: Reader; seller: Seller }) {
  const verified = seller.transfers === 'active';
  return (
    <>
      <StatusChip {...TRANSFERS_WORDS[seller.transfers]} />
      {verified ? (
        <p>Accepted work is transferred to your Stripe account at once.</p>
      ) : (
        <>
          <p>
            Stripe verifies who you are before it pays you. Until then accepted money stays held for you; it is never
            given to another.
          </p>
          {seller.requirements.length === 0 ? null : (
            <>
              <p class="strong">Stripe still asks for</p>
              <ul>
                {seller.requirements.map((name) => (
                  <li>{name.replaceAll(/[._]/g, ' ')}</li>
                ))}
              </ul>
            </>
          )}
          <Form reader={reader} action="/verification" commandKey={newKey()}>
            <button type="submit">Go on to Stripe’s verification</button>
          </Form>
        </>
      )}
    </>
  );
}

function Balances({ reader, balances, totals }: Pick<VerificationProps, 'reader' | 'balances' | 'totals'>) {
  const currencies = [...new Set([...balances, ...totals].map((row) => row.currency))].sort();
  if (currencies.length === 0) {
    return (
      <EmptyState title="Nothing is held for you yet">
        <p>What buyers pay for your work appears here: held first, then on its way, then transferred.</p>
      </EmptyState>
    );
  }
  return (
    <div class="scroll" tabindex={0} role="region" aria-label="Your money per currency">
      <table>
        <thead>
          <tr>
            <th scope="col">Currency</th>
            <th scope="col" class="right">
              Held for your work
            </th>
            <th scope="col" class="right">
              Accepted, on its way
            </th>
            <th scope="col" class="right">
              Transferred
            </th>
            <th scope="col" class="right">
              You owe
            </th>
          </tr>
        </thead>
        <tbody>
          {currencies.map((currency) => {
            const now = balances.find((row) => row.currency === currency);
            const total = totals.find((row) => row.currency === currency);
            return (
              <tr>
                <th scope="row">{currency.toUpperCase()}</th>
                {[total?.held, now?.payable, total?.transferred, now?.debt].map((amount) => (
                  <td class="right">
                    <Money reader={reader} of={{ amount: amount ?? 0n, currency }} />
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
