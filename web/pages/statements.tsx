// Statements of a period, and the receipt of one payment: made to be printed and kept.
import type { EscrowRecord } from '../../db/escrows.ts';
import type { BuyerLine, ReceiptRow, SellerLine } from '../../db/statements.ts';
import { CopyableId, EmptyState, Moment, Money } from '../parts/basics.tsx';
import { TextInput } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import { Table } from '../parts/table.tsx';
import type { Reader } from '../reader.ts';
import { PAYMENT_STATUS, STATEMENT_WORDS } from '../money-words.ts';
import { statusWords } from '../status-words.ts';

interface PeriodShown {
  first: string;
  last: string;
}

function Frame({ reader, period, lead, children }: { reader: Reader; period: PeriodShown; lead: string; children: unknown }) {
  const query = `from=${period.first}&to=${period.last}`;
  return (
    <Layout title="Statement" reader={reader} path="/statements">
      <h1>Statement</h1>
      <p class="print-only">
        {reader.person.name}, {reader.person.email}: {period.first} to {period.last}
      </p>
      <p class="lead">{lead}</p>
      <form method="get" action="/statements" class="search no-print">
        <div class="columns">
          <TextInput name="from" label="From" value={period.first} type="date" />
          <TextInput name="to" label="To" value={period.last} type="date" />
        </div>
        <div class="actions">
          <button type="submit">Show</button>
          <a class="button second" href={`/statements.csv?${query}`}>
            Download as CSV
          </a>
        </div>
      </form>
      {children as never}
    </Layout>
  );
} // prettier-ignore

const Nothing = () => (
  <EmptyState title="Nothing happened in this time">
    <p>Choose other days.</p>
  </EmptyState>
);

export function SellerStatement({ reader, period, lines }: { reader: Reader; period: PeriodShown; lines: readonly SellerLine[] }) {
  return (
    <Frame
      reader={reader}
      period={period}
      lead="Plus is owed to you, minus went to you or is owed by you. The balance is what Tranche owes you; below zero you owe it."
    >
      {lines.length === 0 ? (
        <Nothing />
      ) : (
        <Table label="Your statement" columns={['When', 'What', 'For', { label: 'Amount', right: true }, { label: 'Balance', right: true }]}>
          {lines.map((l) => (
            <tr>
              <td>
                <Moment reader={reader} at={l.at} />
              </td>
              <th scope="row">{STATEMENT_WORDS[l.kind] ?? l.kind.replaceAll('_', ' ')}</th>
              <td>
                {l.escrow_id === null ? '' : <a href={`/escrows/${l.escrow_id}`}>{l.escrow_title ?? 'Escrow'}</a>}
                {l.milestone_title === null ? null : <span class="of">{l.milestone_title}</span>}
              </td>
              <td class="right">
                <Money reader={reader} of={l} />
              </td>
              <td class="right">
                <Money reader={reader} of={{ amount: l.balance, currency: l.currency }} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Frame>
  );
} // prettier-ignore

export function BuyerStatement({ reader, period, lines }: { reader: Reader; period: PeriodShown; lines: readonly BuyerLine[] }) {
  return (
    <Frame reader={reader} period={period} lead="Minus is what you paid, plus is what came back to you.">
      {lines.length === 0 ? (
        <Nothing />
      ) : (
        <Table label="Your statement" columns={['When', 'What', 'For', { label: 'Amount', right: true }, 'Receipt']}>
          {lines.map((l) => (
            <tr>
              <td>
                <Moment reader={reader} at={l.at} />
              </td>
              <th scope="row">
                {STATEMENT_WORDS[l.kind] ?? l.kind}
                {l.bank_reference === null ? null : <span class="of">by bank transfer {l.bank_reference}</span>}
              </th>
              <td>
                <a href={`/escrows/${l.escrow_id}`}>{l.escrow_title}</a>
              </td>
              <td class="right">
                <Money reader={reader} of={l} />
              </td>
              <td>{l.kind === 'payment' ? <a href={`/escrows/${l.escrow_id}/receipts/${l.id}`}>Receipt</a> : ''}</td>
            </tr>
          ))}
        </Table>
      )}
    </Frame>
  );
} // prettier-ignore

interface ReceiptProps {
  reader: Reader;
  record: EscrowRecord;
  payment: ReceiptRow;
  refunds: readonly ReceiptRow[];
}

export function ReceiptPage({ reader, record, payment, refunds }: ReceiptProps) {
  const { state, parties } = record;
  const { currency } = state.terms;
  const paidFor = state.payments.find((p) => p.id === payment.id)?.milestoneIds ?? [];
  const milestones = state.terms.milestones.filter((m) => paidFor.includes(m.id));
  const fee = milestones.reduce((sum, m) => sum + m.buyerFee, 0);
  const back = refunds.filter((r) => r.status === 'succeeded').reduce((sum, r) => sum + r.amount, 0n);
  const of = (amount: number | bigint) => <Money reader={reader} of={{ amount, currency }} />;
  const name = (role: 'buyer' | 'seller') => parties.filter((p) => p.role === role).map((p) => p.name).join(', '); // prettier-ignore
  return (
    <Layout title="Receipt" reader={reader}>
      <article class="narrow receipt">
        <p class="back">
          <a href={`/escrows/${state.id}/money`}>Back to the money of {state.terms.title}</a>
        </p>
        <h1>
          Receipt<span class="of">{state.terms.title}</span>
        </h1>
        <p>
          {name('buyer')} paid {of(payment.amount)} on <Moment reader={reader} at={payment.updated_at} />.
        </p>
        <Table label="What was paid" columns={['For', { label: 'Amount', right: true }]}>
          {milestones.map((m) => (
            <tr>
              <th scope="row">
                {m.title}
                <span class="of">{parties.find((p) => p.id === m.sellerId)?.name}</span>
              </th>
              <td class="right">{of(m.amount)}</td>
            </tr>
          ))}
          {fee === 0 ? null : (
            <tr>
              <th scope="row">Fee of Tranche</th>
              <td class="right">{of(fee)}</td>
            </tr>
          )}
          <tr class="strong">
            <th scope="row">Paid</th>
            <td class="right">{of(payment.amount)}</td>
          </tr>
          {refunds.map((r) => (
            <tr>
              <th scope="row">
                Refund<span class="of">{statusWords(PAYMENT_STATUS, r.status).label}, <Moment reader={reader} at={r.updated_at} />{r.stripe_id === null && r.status === 'succeeded' ? `, ${r.reason ?? ''}` : ''}</span>
              </th>
              <td class="right">{of(-r.amount)}</td>
            </tr>
          ))}
          {refunds.length === 0 ? null : (
            <tr class="strong">
              <th scope="row">Paid in the end</th>
              <td class="right">{of(payment.amount - back)}</td>
            </tr>
          )}
        </Table>
        <p class="quiet">
          The money is held by Tranche for {name('seller')} until the work is accepted. This is a receipt of the payment, not
          an invoice: invoices for the work come from the seller.
        </p>
        <dl class="facts">
          <div>
            <dt>Payment</dt>
            <dd>
              <CopyableId id={payment.id} />
            </dd>
          </div>
          <div>
            <dt>Charge at Stripe</dt>
            <dd>{payment.stripe_charge_id === null ? 'none' : <CopyableId id={payment.stripe_charge_id} />}</dd>
          </div>
          <div>
            <dt>Escrow</dt>
            <dd>
              <CopyableId id={state.id} />
            </dd>
          </div>
        </dl>
        <p class="quiet no-print">Print this page, or save it as PDF, with your browser.</p>
      </article>
    </Layout>
  );
} // prettier-ignore
