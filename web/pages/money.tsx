// The movements behind an escrow's figures, each with Stripe's ids; for staff also every ledger entry.
import type { EscrowRecord, MovementRow } from '../../db/escrows.ts';
import type { LedgerLine } from '../../db/ledger.ts';
import { CopyableId, EmptyState, Moment, Money, StatusChip } from '../parts/basics.tsx';
import { Layout } from '../parts/layout.tsx';
import { MoneyBar } from '../parts/money-bar.tsx';
import type { Reader } from '../reader.ts';
import { PAYMENT_STATUS, statusWords } from '../words.ts';

interface MoneyPageProps {
  reader: Reader;
  record: EscrowRecord;
  movements: readonly MovementRow[];
  /** Null: not for this reader. */
  entries: readonly LedgerLine[] | null;
}

const KINDS = { payment: 'Payment', transfer: 'Transfer to the seller', refund: 'Refund to the buyer' } as const;

export function MoneyPage({ reader, record, movements, entries }: MoneyPageProps) {
  const { state, money } = record;
  const home = `/escrows/${state.id}`;
  const currency = money.currency ?? state.settlementCurrency ?? state.terms.currency;
  const title = (id: string | null) => state.milestones.find((m) => m.id === id)?.title;
  return (
    <Layout title={`Money of ${state.terms.title}`} reader={reader}>
      <p class="back">
        <a href={home}>Back to {state.terms.title}</a>
      </p>
      <h1>Money</h1>
      <section class="card" aria-label="Where it is">
        <MoneyBar reader={reader} money={money} currency={currency} detailsAt="#movements" />
      </section>
      <h2 id="movements">Payments, transfers, refunds</h2>
      {movements.length === 0 ? (
        <EmptyState title="No money has moved yet">
          <p>Payments, transfers and refunds appear here, each with its id at Stripe.</p>
        </EmptyState>
      ) : (
        <div class="scroll" tabindex={0} role="region" aria-labelledby="movements">
          <table>
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col">When</th>
                <th scope="col">Status</th>
                <th scope="col" class="right">Amount</th>
                <th scope="col">At Stripe</th>
              </tr>
            </thead>
            <tbody>
              {movements.map((row) => (
                <tr>
                  <th scope="row">
                    {KINDS[row.kind]}
                    {title(row.milestone_id) === undefined ? null : <span class="of">{title(row.milestone_id)}</span>}
                  </th>
                  <td><Moment reader={reader} at={row.created_at} /></td>
                  <td><StatusChip {...statusWords(PAYMENT_STATUS, row.status)} /></td>
                  <td class="right"><Money reader={reader} of={{ amount: row.amount, currency: row.currency }} /></td>
                  <td>{row.stripe_id === null ? 'not there yet' : <CopyableId id={row.stripe_id} />}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {entries === null ? null : <Ledger reader={reader} entries={entries} />}
    </Layout>
  );
} // prettier-ignore

function Ledger({ reader, entries }: { reader: Reader; entries: readonly LedgerLine[] }) {
  return (
    <>
      <h2 id="ledger">Ledger</h2>
      <p class="quiet">Debits are positive, credits negative. Each posting sums to nothing; nothing here is ever changed.</p>
      <div class="scroll" tabindex={0} role="region" aria-labelledby="ledger">
        <table>
          <thead>
            <tr>
              <th scope="col">Posting</th>
              <th scope="col">When</th>
              <th scope="col">Account</th>
              <th scope="col" class="right">Amount</th>
            </tr>
          </thead>
          <tbody>
            {entries.map((line) => (
              <tr>
                <td>{line.kind.replaceAll('_', ' ')}</td>
                <td><Moment reader={reader} at={line.created_at} /></td>
                <td><CopyableId id={line.account} /></td>
                <td class="right"><Money reader={reader} of={{ amount: line.amount, currency: line.currency }} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
} // prettier-ignore
