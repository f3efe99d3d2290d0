// A seller's own page: may I be paid, and what is missing.
import type { Seller } from '../../db/sellers.ts';
import { ErrorState, Notice, StatusChip } from '../parts/basics.tsx';
import { Form, newKey } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import type { Reader } from '../reader.ts';
import { TRANSFERS_WORDS } from '../money-words.ts';

interface VerificationProps {
  reader: Reader;
  /** Null: no Stripe account yet. */
  seller: Seller | null;
  notice: string | undefined;
  problem?: string | undefined;
}

export function VerificationPage({ reader, seller, notice, problem }: VerificationProps) {
  return (
    <Layout title="Verification" reader={reader} path="/verification">
      <h1>Verification</h1>
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
      <p>
        <a href="/money">What is held for you, what comes and what was paid</a>
      </p>
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
