// Ops' page of what sellers owe; and one debt with its two ways out beside the next releases: repaid, written off.
import { type Debt, type DebtStatus, DEBT_STATUSES, openRest, type TakenOff } from '../../db/debts.ts';
import { decimalOf, formatMoney } from '../format.ts';
import { EmptyState, ErrorState, Moment, Money, Notice, StatusChip } from '../parts/basics.tsx';
import { ConsequencePanel } from '../parts/consequences.tsx';
import { DebtCard } from '../parts/debt.tsx';
import { Form, newKey, TextField, TextInput } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import { FilterTabs, Table } from '../parts/table.tsx';
import type { Names } from '../reads.ts';
import type { Reader } from '../reader.ts';
import { DEBT_STATUS } from '../money-words.ts';

interface DebtsProps {
  reader: Reader;
  debts: readonly Debt[];
  names: Names;
  status: DebtStatus | undefined;
  seller: string | undefined;
  older: string | null;
}

export function DebtsPage({ reader, debts, names, status, seller, older }: DebtsProps) {
  return (
    <Layout title="Debts of sellers" reader={reader} path="/ops/debts">
      <h1>Debts of sellers</h1>
      <p class="lead">They are taken out of the seller’s next releases by themselves, the oldest first.</p>
      {seller === undefined ? null : (
        <p>
          Only of {names.get(seller) ?? seller}. <a href="/ops/debts">Of everybody</a>
        </p>
      )}
      <FilterTabs
        label="Which debts"
        path="/ops/debts"
        name="status"
        options={[[undefined, 'All'], ...DEBT_STATUSES.map((each) => [each, DEBT_STATUS[each].label] as const)]}
        chosen={status}
      />
      {debts.length === 0 ? (
        <EmptyState title="Nobody owes anything here">
          <p>A debt opens when money that was paid out must be given back and the seller’s balance does not cover it.</p>
        </EmptyState>
      ) : (
        <Table
          label="Debts"
          columns={['Seller', 'Since', 'Status', { label: 'Owed at first', right: true }, { label: 'Still open', right: true }]}
        >
          {debts.map((d) => (
            <tr>
              <th scope="row">
                <a href={`/ops/debts/${d.id}`}>{names.get(d.seller_id) ?? d.seller_id}</a>
              </th>
              <td>
                <Moment reader={reader} at={d.created_at} />
              </td>
              <td>
                <StatusChip {...DEBT_STATUS[d.status]} />
              </td>
              <td class="right">
                <Money reader={reader} of={{ amount: d.amount, currency: d.currency }} />
              </td>
              <td class="right">
                <Money reader={reader} of={{ amount: openRest(d), currency: d.currency }} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      {older === null ? null : (
        <p>
          <a href={older}>Older debts</a>
        </p>
      )}
    </Layout>
  );
} // prettier-ignore

interface DebtProps {
  reader: Reader;
  debt: Debt;
  taken: readonly TakenOff[];
  names: Names;
  notice: string | undefined;
  problem: string | undefined;
  typed: Readonly<Record<string, string | undefined>>;
}

export function DebtPage({ reader, debt, taken, names, notice, problem, typed }: DebtProps) {
  const open = openRest(debt);
  const seller = names.get(debt.seller_id) ?? debt.seller_id;
  const amount = formatMoney(reader.locale, { amount: open, currency: debt.currency });
  const acts = reader.person.role === 'ops' && open > 0n;
  return (
    <Layout title={`What ${seller} owes`} reader={reader}>
      <div class="narrow">
        <p class="back">
          <a href="/ops/debts?status=open">All open debts</a>
        </p>
        <h1>What {seller} owes</h1>
        <Notice text={notice} />
        {problem === undefined ? null : (
          <ErrorState title="This was not done">
            <p>{problem}</p>
            <p>Nothing has changed and no money has moved.</p>
          </ErrorState>
        )}
        <ul class="list">
          <DebtCard reader={reader} debt={debt} taken={taken} heading="Still open" />
        </ul>
        {acts ? (
          <>
            <section aria-labelledby="repaid">
              <h2 id="repaid">The seller paid by bank transfer</h2>
              <Form reader={reader} action={`/ops/debts/${debt.id}/repay`} commandKey={newKey()} class="card">
                <p>
                  The ledger takes what arrived at our bank and makes the debt smaller by it. Look at the bank’s statement
                  first.
                </p>
                <TextInput name="amount" label={`Amount (${debt.currency.toUpperCase()})`} value={typed['amount'] ?? decimalOf({ amount: open, currency: debt.currency })} inputmode="decimal" />
                <TextInput name="reference" label="Reference of the bank transfer" value={typed['reference'] ?? ''} required />
                <button type="submit">Record the repayment</button>
              </Form>
            </section>
            <section aria-labelledby="write-off">
              <h2 id="write-off">Give it up</h2>
              <ConsequencePanel
                consequences={{
                  happens: [
                    'Another person of ops is asked to approve it.',
                    `If they do: ${seller} owes ${amount} no more, and the platform bears it.`,
                  ],
                  stays: ['Until then nothing changes, and it goes on being taken out of releases.'],
                  irreversible: 'What was written off is never taken again.',
                  button: '',
                }}
              />
              <Form reader={reader} action={`/ops/debts/${debt.id}/write-off`} commandKey={newKey()} class="card">
                <TextField name="reason" label="Reason" hint="Whoever approves reads it, and the audit log keeps it." value={typed['reason']} required />
                <button type="submit">{`Ask to write off ${amount}`}</button>
              </Form>
            </section>
          </>
        ) : null}
      </div>
    </Layout>
  );
} // prettier-ignore
