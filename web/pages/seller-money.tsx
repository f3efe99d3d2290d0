// A seller's money: held, coming and what blocks it, transferred, debts and how they are taken off, payouts and their schedule.
import type { Approval } from '../../db/approvals.ts';
import { type Debt, openRest, type TakenOff } from '../../db/debts.ts';
import type { EscrowRecord } from '../../db/escrows.ts';
import { type Payout, payoutAdvice } from '../../db/payouts.ts';
import type { Seller, SellerBalance } from '../../db/sellers.ts';
import { isMilestoneEnd } from '../../domain/escrow-state.ts';
import { milestoneWaiting } from '../../domain/waiting.ts';
import { planAcceptance } from '../../domain/allocation.ts';
import { openAmount } from '../../domain/escrow-state.ts';
import { formatDay } from '../format.ts';
import { CopyableId, Countdown, EmptyState, ErrorState, Moment, Money, Notice, StatusChip } from '../parts/basics.tsx';
import { DebtCard } from '../parts/debt.tsx';
import { Form, newKey, SelectField } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import { Table } from '../parts/table.tsx';
import type { Reader } from '../reader.ts';
import { PAYOUT_STATUS, SCHEDULE_WORDS, WEEKDAYS } from '../money-words.ts';
import { APPROVAL_STATUS } from '../ops-words.ts';
import { MILESTONE_STATUS, statusWords } from '../status-words.ts';

export interface SellerMoneyProps {
  reader: Reader;
  seller: Seller | null;
  balances: readonly SellerBalance[];
  totals: readonly { currency: string; held: bigint; transferred: bigint }[];
  /** With open milestones of this seller. */
  escrows: readonly EscrowRecord[];
  debts: readonly Debt[];
  taken: readonly TakenOff[];
  payouts: readonly Payout[];
  /** Requests for another schedule, newest first. */
  requests: readonly Approval[];
  typed: Readonly<Record<string, string | undefined>>;
  notice: string | undefined;
  problem: string | undefined;
}

export function SellerMoneyPage(props: SellerMoneyProps) {
  const { reader, seller, notice, problem } = props;
  return (
    <Layout title="Money" reader={reader} path="/money">
      <h1>Money</h1>
      <Notice text={notice} />
      {problem === undefined ? null : (
        <ErrorState title="This was not asked">
          <p>{problem}</p>
          <p>Nothing has changed.</p>
        </ErrorState>
      )}
      {seller !== null && seller.transfers !== 'active' ? (
        <ErrorState title="You cannot be paid yet">
          <p>
            Stripe has to verify you first. What is accepted stays held for you meanwhile.{' '}
            <a href="/verification">Get verified</a>
          </p>
        </ErrorState>
      ) : null}
      <section class="card" aria-labelledby="sums">
        <h2 id="sums">In all</h2>
        <Sums {...props} />
      </section>
      <section aria-labelledby="coming">
        <h2 id="coming">Coming</h2>
        <Coming {...props} />
      </section>
      <Debts {...props} />
      <section aria-labelledby="payouts">
        <h2 id="payouts">Payouts to your bank</h2>
        <Payouts {...props} />
      </section>
      <Schedule {...props} />
      <p>
        <a href="/statements">Statements, also as CSV</a>
      </p>
    </Layout>
  );
}

function Sums({ reader, balances, totals }: SellerMoneyProps) {
  const currencies = [...new Set([...balances, ...totals].map((row) => row.currency))].sort();
  if (currencies.length === 0) {
    return (
      <EmptyState title="Nothing is held for you yet">
        <p>What buyers pay for your work appears here: held first, then on its way, then transferred.</p>
      </EmptyState>
    );
  }
  const heads = ['Held for your work', 'Accepted, on its way', 'Transferred to Stripe', 'You owe'];
  return (
    <Table label="Your money per currency" columns={['Currency', ...heads.map((label) => ({ label, right: true }))]}>
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
    </Table>
  );
}

/** Every milestone that is not at its end: what is left of it for the seller, for whom it waits, and what unblocks it. */
function Coming({ reader, escrows }: SellerMoneyProps) {
  const mine = escrows.flatMap((record) =>
    record.state.milestones
      .filter((m) => m.sellerId === reader.person.id && !isMilestoneEnd(m.status) && m.status !== 'planned')
      .map((m) => ({ record, m, waiting: milestoneWaiting(record.state, m) })),
  );
  const order = (until: string | null) => until ?? '9999';
  mine.sort((a, b) => order(a.waiting.until).localeCompare(order(b.waiting.until)));
  if (mine.length === 0) {
    return (
      <EmptyState title="Nothing is on its way">
        <p>Milestones that are agreed appear here, with what they wait for.</p>
      </EmptyState>
    );
  }
  return (
    <ul class="list">
      {mine.map(({ record: { state }, m, waiting }) => {
        const open = openAmount(m);
        const settled = m.funds !== null && open > 0;
        const net = settled ? planAcceptance(m, open).payable : open - (state.terms.milestones.find((t) => t.id === m.id)?.sellerFee ?? 0); // prettier-ignore
        const currency = settled ? (state.settlementCurrency ?? state.terms.currency) : state.terms.currency;
        return (
          <li class="card row">
            <div class="head">
              <div>
                <h3>
                  <a href={`/escrows/${state.id}#${m.id}`}>{m.title}</a>
                </h3>
                <p class="quiet">{state.terms.title}</p>
              </div>
              <p class="amount">
                <Money reader={reader} of={{ amount: net > 0 ? net : 0, currency }} />
                <span class="of">for you, less the fee</span>
              </p>
            </div>
            <StatusChip {...MILESTONE_STATUS[m.status]} />
            <p>{waiting.what}</p>
            {waiting.until === null ? null : <Countdown reader={reader} until={waiting.until} />}
            {waiting.otherwise === null ? null : <p class="otherwise">Otherwise: {waiting.otherwise}</p>}
            {m.status === 'blocked_kyc' ? (
              <p>
                <a class="button" href="/verification">
                  Get verified to receive it
                </a>
              </p>
            ) : null}
          </li>
        );
      })}
    </ul>
  );
}

function Debts({ reader, debts, taken }: SellerMoneyProps) {
  if (debts.length === 0) return null;
  const open = debts.filter((d) => d.status === 'open');
  const sums = new Map<string, bigint>();
  for (const d of open) sums.set(d.currency, (sums.get(d.currency) ?? 0n) + openRest(d));
  return (
    <section aria-labelledby="debts">
      <h2 id="debts">What you owe, and how it is taken off</h2>
      {[...sums].map(([currency, amount]) => (
        <p>
          The first <Money reader={reader} of={{ amount, currency }} /> of your next releases in{' '}
          {currency.toUpperCase()} pays it, the oldest debt first; everything after that goes to you. You may also pay
          it by bank transfer: ask our staff.
        </p>
      ))}
      <ul class="list">
        {debts.map((debt) => (
          <DebtCard
            reader={reader}
            debt={debt}
            taken={taken.filter((t) => t.debt_id === debt.id)}
            heading={debt.status === 'open' ? 'You owe' : 'You owed'}
          />
        ))}
      </ul>
    </section>
  );
}

function Payouts({ reader, payouts }: SellerMoneyProps) {
  if (payouts.length === 0) {
    return (
      <EmptyState title="There was no payout yet">
        <p>Stripe pays what was transferred to you out to your bank, on the schedule below.</p>
      </EmptyState>
    );
  }
  return (
    <Table label="Payouts" columns={['Made', 'Arrives', 'Status', { label: 'Amount', right: true }, 'What it is made of']}>
      {payouts.map((p) => (
        <tr>
          <th scope="row">
            <Moment reader={reader} at={p.created_at} />
          </th>
          <td>{formatDay(reader, p.arrives_at)}</td>
          <td>
            <StatusChip {...statusWords(PAYOUT_STATUS, p.status)} />
            {payoutAdvice(p) === null ? null : <span class="of">{payoutAdvice(p)}</span>}
          </td>
          <td class="right">
            <Money reader={reader} of={{ amount: p.amount, currency: p.currency }} />
          </td>
          <td>
            <a href={`/money/payouts/${p.id}`}>Settlement</a>
          </td>
        </tr>
      ))}
    </Table>
  );
} // prettier-ignore

function Schedule({ reader, seller, requests, typed }: SellerMoneyProps) {
  if (seller === null) return null;
  const days = Array.from({ length: 31 }, (_, i) => [String(i + 1), String(i + 1)] as const);
  return (
    <section aria-labelledby="schedule">
      <h2 id="schedule">When Stripe pays you out</h2>
      <ul class="plain-list">
        {requests.map((r) => (
          <li>
            {SCHEDULE_WORDS[String(r.params['interval'])] ?? String(r.params['interval'])}{' '}
            <StatusChip {...APPROVAL_STATUS[r.status]} /> <Moment reader={reader} at={r.created_at} />
          </li>
        ))}
      </ul>
      <Form reader={reader} action="/money/payout-schedule" commandKey={newKey()} class="card">
        <p>
          Another schedule is approved by our staff first: whoever took over your account would change this before anything
          else. Until then nothing changes.
        </p>
        <div class="columns">
          <SelectField name="interval" label="How often" value={typed['interval'] ?? 'daily'} options={Object.entries(SCHEDULE_WORDS)} />
          <SelectField name="weekly_anchor" label="Weekday, for every week" value={typed['weekly_anchor'] ?? 'monday'} options={WEEKDAYS} />
          <SelectField name="monthly_anchor" label="Day, for every month" value={typed['monthly_anchor'] ?? '1'} options={days} />
        </div>
        <button type="submit">Ask for this schedule</button>
      </Form>
    </section>
  );
} // prettier-ignore

interface SettlementProps {
  reader: Reader;
  payout: Payout;
  /** Null: Stripe did not answer. */
  lines: readonly SettlementLine[] | null;
}

export interface SettlementLine {
  id: string;
  type: string;
  amount: bigint;
  fee: bigint;
  net: bigint;
  currency: string;
  at: Date;
  source: string | null;
  escrow: { id: string; title: string } | null;
}

export function SettlementPage({ reader, payout, lines }: SettlementProps) {
  return (
    <Layout title="Settlement of a payout" reader={reader}>
      <p class="back">
        <a href="/money#payouts">All payouts</a>
      </p>
      <h1>
        Payout of <Money reader={reader} of={payout} />
      </h1>
      <StatusChip {...statusWords(PAYOUT_STATUS, payout.status)} />
      {payoutAdvice(payout) === null ? null : <p class="strong">{payoutAdvice(payout)}</p>}
      <p>
        Made <Moment reader={reader} at={payout.created_at} />, at the bank {formatDay(reader, payout.arrives_at)}.{' '}
        <CopyableId id={payout.id} />
      </p>
      {lines === null ? (
        <ErrorState title="Stripe does not say what it is made of">
          <p>The payout itself is not touched by this. A payout that was asked for by hand has no list; for others look again later.</p>
        </ErrorState>
      ) : lines.length === 0 ? (
        <EmptyState title="Stripe names nothing in this payout">
          <p>A payout that was asked for by hand takes from the balance as a whole.</p>
        </EmptyState>
      ) : (
        <Table label="What the payout is made of" columns={['When', 'What', 'For', { label: 'Amount', right: true }]}>
          {lines.map((l) => (
            <tr>
              <td>
                <Moment reader={reader} at={l.at} />
              </td>
              <th scope="row">
                {l.type.replaceAll('_', ' ')}
                {l.source === null ? null : (
                  <span class="of">
                    <CopyableId id={l.source} />
                  </span>
                )}
              </th>
              <td>{l.escrow === null ? '' : <a href={`/escrows/${l.escrow.id}`}>{l.escrow.title}</a>}</td>
              <td class="right">
                <Money reader={reader} of={{ amount: l.net, currency: l.currency }} />
              </td>
            </tr>
          ))}
          <tr class="strong">
            <td></td>
            <th scope="row">Together</th>
            <td></td>
            <td class="right">
              <Money reader={reader} of={{ amount: lines.reduce((sum, l) => sum + l.net, 0n), currency: payout.currency }} />
            </td>
          </tr>
        </Table>
      )}
    </Layout>
  );
} // prettier-ignore
