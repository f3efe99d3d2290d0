// A refund that the platform's bank pays, because the time in which Stripe can refund the payment has passed.
import type { EscrowRecord } from '../../db/escrows.ts';
import { payableByBank } from '../../domain/allocation.ts';
import { refundForBank } from '../../domain/escrow-state.ts';
import { formatMoney } from '../format.ts';
import { EmptyState, ErrorState } from '../parts/basics.tsx';
import { ConsequencePanel } from '../parts/consequences.tsx';
import { Form, newKey, SelectField, TextField } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import type { Reader } from '../reader.ts';

interface RefundByBankProps {
  reader: Reader;
  record: EscrowRecord;
  typed: Readonly<Record<string, string | undefined>>;
  problem: string | undefined;
}

export function RefundByBankPage({ reader, record, typed, problem }: RefundByBankProps) {
  const { state } = record;
  const home = `/escrows/${state.id}`;
  const { currency, policy } = state.terms;
  const money = (amount: number) => formatMoney(reader.locale, { amount, currency });
  const held = state.milestones
    .map((m) => ({ m, isOwed: refundForBank(m) !== null, ...payableByBank(m, policy.feeReturn) }))
    .filter(({ amount }) => amount > 0);
  return (
    <Layout title="Refund by bank transfer" reader={reader}>
      <div class="narrow">
        <p class="back">
          <a href={home}>Back to {state.terms.title}</a>
        </p>
        <h1>
          Refund by bank transfer<span class="of">{state.terms.title}</span>
        </h1>
        {problem === undefined ? null : (
          <ErrorState title="This was not asked">
            <p>{problem}</p>
            <p>Nothing has changed and no money has moved.</p>
          </ErrorState>
        )}
        {held.length === 0 ? (
          <EmptyState title="Nothing is held here">
            <p>There is no money to give back.</p>
          </EmptyState>
        ) : (
          <>
            <ConsequencePanel
              consequences={{
                happens: [
                  'For payments that Stripe cannot refund any more: the buyer is paid from the platform’s bank, and this says so in the books.',
                  'Another person of ops is asked to approve it. If they do, the refund that waits for it, or else all that is left of the milestone, counts as paid.',
                ],
                stays: ['Stripe is asked for nothing: what it holds of the payment becomes the platform’s.'],
                irreversible: 'What is recorded as paid cannot be called back.',
                button: '',
              }}
            />
            <Form reader={reader} action={`/ops/escrows/${state.id}/refund-by-bank`} commandKey={newKey()} class="card">
              <SelectField
                name="milestone_id"
                label="Milestone"
                value={typed['milestone_id'] ?? ''}
                options={held.map(({ m, isOwed, amount, toPay }) => [m.id, `${m.title}: ${money(amount)} ${isOwed ? 'to go back' : 'left'}, the buyer gets ${money(toPay)}`] as const)}
              />
              <TextField name="reference" label="Reference of the bank transfer" value={typed['reference']} required />
              <TextField name="reason" label="Reason" hint="Both sides and whoever approves read it." value={typed['reason']} required />
              <div class="actions">
                <button type="submit">Ask for approval</button>
                <a class="button plain" href={home}>
                  Do nothing
                </a>
              </div>
            </Form>
          </>
        )}
      </div>
    </Layout>
  );
} // prettier-ignore
