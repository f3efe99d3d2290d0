// Staff's lists: every chargeback with the bank's date, every payout of every seller.
import type { CardDispute } from '../../db/card-disputes.ts';
import { type Payout, payoutAdvice } from '../../db/payouts.ts';
import { phaseOf } from '../../domain/chargeback.ts';
import { EmptyState, Moment, Money, StatusChip } from '../parts/basics.tsx';
import { Layout } from '../parts/layout.tsx';
import { FilterTabs, Table } from '../parts/table.tsx';
import type { Names } from '../reads.ts';
import type { Reader } from '../reader.ts';
import { PAYOUT_STATUS } from '../money-words.ts';
import { CARD_DISPUTE_PHASE, statusWords } from '../status-words.ts';

const RIGHT = { label: 'Amount', right: true } as const;

function Older({ href }: { href: string | null }) {
  return href === null ? null : (
    <p>
      <a href={href}>Older ones</a>
    </p>
  );
}

export function ChargebacksPage({ reader, disputes, older }: { reader: Reader; disputes: readonly CardDispute[]; older: string | null }) {
  return (
    <Layout title="Chargebacks" reader={reader} path="/ops/chargebacks">
      <h1>Chargebacks</h1>
      <p class="lead">What buyers dispute at their banks. Sellers answer first; ops may, and see to it that nothing lapses.</p>
      {disputes.length === 0 ? (
        <EmptyState title="No bank disputes anything">
          <p>They appear here as soon as Stripe tells of one.</p>
        </EmptyState>
      ) : (
        <Table label="Chargebacks" columns={['Dispute', 'State', 'The bank listens until', 'Evidence', RIGHT]}>
          {disputes.map((d) => (
            <tr>
              <th scope="row">
                <a href={`/disputes/${d.id}`}>{d.reason.replaceAll('_', ' ')}</a>
                <span class="of">
                  <Moment reader={reader} at={d.created_at} />
                </span>
              </th>
              <td>
                <StatusChip {...CARD_DISPUTE_PHASE[phaseOf(d.status)]} />
              </td>
              <td>{d.due_by === null ? 'not stated' : <Moment reader={reader} at={d.due_by} />}</td>
              <td>{d.evidence.text === undefined ? 'none' : 'staged'}</td>
              <td class="right">
                <Money reader={reader} of={d} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      <Older href={older} />
    </Layout>
  );
} // prettier-ignore

interface PayoutsProps {
  reader: Reader;
  payouts: readonly Payout[];
  names: Names;
  status: string | undefined;
  older: string | null;
}

export function PayoutsPage({ reader, payouts, names, status, older }: PayoutsProps) {
  return (
    <Layout title="Payouts of sellers" reader={reader} path="/ops/payouts">
      <h1>Payouts of sellers</h1>
      <FilterTabs
        label="Which payouts"
        path="/ops/payouts"
        name="status"
        options={[[undefined, 'All'], ...Object.entries(PAYOUT_STATUS).map(([each, words]) => [each, words.label] as const)]}
        chosen={status}
      />
      {payouts.length === 0 ? (
        <EmptyState title="There is no such payout">
          <p>Stripe pays sellers’ balances out to their banks; each payout appears here.</p>
        </EmptyState>
      ) : (
        <Table label="Payouts" columns={['Seller', 'Made', 'Status', RIGHT]}>
          {payouts.map((p) => (
            <tr>
              <th scope="row">{names.get(p.seller_id) ?? p.seller_id}</th>
              <td>
                <Moment reader={reader} at={p.created_at} />
              </td>
              <td>
                <StatusChip {...statusWords(PAYOUT_STATUS, p.status)} />
                {payoutAdvice(p) === null ? null : <span class="of">The seller reads: {payoutAdvice(p)}</span>}
              </td>
              <td class="right">
                <Money reader={reader} of={p} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      <Older href={older} />
    </Layout>
  );
} // prettier-ignore
