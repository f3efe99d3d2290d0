// The movements behind an escrow's figures, each with Stripe's ids; the ledger entries behind one figure; for staff every entry.
import type { EscrowRecord, MovementRow } from '../../db/escrows.ts';
import { contribution, type LedgerLine, type MoneyTerm } from '../../db/ledger.ts';
import { CopyableId, EmptyState, Moment, Money, StatusChip } from '../parts/basics.tsx';
import { Layout } from '../parts/layout.tsx';
import { MoneyBar } from '../parts/money-bar.tsx';
import { Table } from '../parts/table.tsx';
import type { Reader } from '../reader.ts';
import { MONEY_WORDS, PAYMENT_STATUS, postingWords } from '../money-words.ts';
import { statusWords } from '../status-words.ts';

interface MoneyPageProps {
  reader: Reader;
  record: EscrowRecord;
  movements: readonly MovementRow[];
  entries: readonly LedgerLine[];
  /** The figure whose entries are shown. */
  term: MoneyTerm | null;
  /** Accounts are for staff. */
  showsAccounts: boolean;
}

const KINDS = { payment: 'Payment', transfer: 'Transfer to the seller', refund: 'Refund to the buyer' } as const;
const RIGHT = { label: 'Amount', right: true } as const;

export function MoneyPage({ reader, record, movements, entries, term, showsAccounts }: MoneyPageProps) {
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
        <MoneyBar reader={reader} money={money} currency={currency} detailsAt={`${home}/money`} />
      </section>
      {term === null ? null : (
        <Behind reader={reader} term={term} entries={entries} currency={currency} title={title} />
      )}
      <h2 id="movements">Payments, transfers, refunds</h2>
      {movements.length === 0 ? (
        <EmptyState title="No money has moved yet">
          <p>Payments, transfers and refunds appear here, each with its id at Stripe.</p>
        </EmptyState>
      ) : (
        <Table label="Payments, transfers, refunds" columns={['What', 'When', 'Status', RIGHT, 'At Stripe']}>
          {movements.map((row) => (
            <tr>
              <th scope="row">
                {KINDS[row.kind]}
                {title(row.milestone_id) === undefined ? null : <span class="of">{title(row.milestone_id)}</span>}
              </th>
              <td>
                <Moment reader={reader} at={row.created_at} />
              </td>
              <td>
                <StatusChip {...statusWords(PAYMENT_STATUS, row.status)} />
                {row.kind === 'payment' && row.status === 'succeeded' ? (
                  <span class="of">
                    <a href={`${home}/receipts/${row.id}`}>Receipt</a>
                  </span>
                ) : null}
              </td>
              <td class="right">
                <Money reader={reader} of={{ amount: row.amount, currency: row.currency }} />
              </td>
              <td>
                {row.status === 'needs_bank' || row.reference !== null ? (
                  <ByBank row={row} isStaff={showsAccounts} />
                ) : row.stripe_id === null ? (
                  'not there yet'
                ) : (
                  <CopyableId id={row.stripe_id} />
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {showsAccounts ? <Ledger reader={reader} entries={entries} /> : null}
    </Layout>
  );
}

/** No movement at Stripe: the platform's bank pays it, by two of ops. */
function ByBank({ row, isStaff }: { row: MovementRow; isStaff: boolean }) {
  if (row.reference === null) return <>Not at Stripe: by bank transfer</>;
  return (
    <>
      By bank transfer: <CopyableId id={row.reference} />
      {isStaff && row.approval_id !== null ? (
        <span class="of">
          <a href={`/ops/approvals/${row.approval_id}`}>Approved by two people</a>
        </span>
      ) : null}
    </>
  );
}

interface BehindProps {
  reader: Reader;
  term: MoneyTerm;
  entries: readonly LedgerLine[];
  currency: string;
  title: (id: string | null) => string | undefined;
}

/** One figure taken apart: the entries that make it, and their sum, which is the figure. */
function Behind({ reader, term, entries, currency, title }: BehindProps) {
  const lines = entries
    .map((line) => ({ line, amount: contribution(line, term) }))
    .filter(({ amount }) => amount !== 0n);
  const sum = lines.reduce((total, { amount }) => total + amount, 0n);
  return (
    <section aria-labelledby="behind">
      <h2 id="behind">What makes “{MONEY_WORDS[term]}”</h2>
      {lines.length === 0 ? (
        <p class="quiet">Nothing yet.</p>
      ) : (
        <Table label={`Entries of ${MONEY_WORDS[term]}`} columns={['When', 'What', RIGHT]}>
          {lines.map(({ line, amount }) => (
            <tr>
              <td>
                <Moment reader={reader} at={line.created_at} />
              </td>
              <th scope="row">
                {postingWords(line.kind)}
                {title(line.milestone_id) === undefined ? null : <span class="of">{title(line.milestone_id)}</span>}
              </th>
              <td class="right">
                <Money reader={reader} of={{ amount, currency: line.currency }} />
              </td>
            </tr>
          ))}
          <tr class="strong">
            <td></td>
            <th scope="row">Together</th>
            <td class="right">
              <Money reader={reader} of={{ amount: sum, currency }} />
            </td>
          </tr>
        </Table>
      )}
    </section>
  );
}

export function Ledger({ reader, entries }: { reader: Reader; entries: readonly LedgerLine[] }) {
  return (
    <>
      <h2 id="ledger">Ledger</h2>
      <p class="quiet">
        Debits are positive, credits negative. Each posting sums to nothing; nothing here is ever changed.
      </p>
      <Table label="Ledger entries" columns={['Posting', 'When', 'Account', RIGHT]}>
        {entries.map((line) => (
          <tr>
            <td>{line.kind.replaceAll('_', ' ')}</td>
            <td>
              <Moment reader={reader} at={line.created_at} />
            </td>
            <td>
              <CopyableId id={line.account} />
            </td>
            <td class="right">
              <Money reader={reader} of={{ amount: line.amount, currency: line.currency }} />
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}
