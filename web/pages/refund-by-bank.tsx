// A refund that the platform's bank pays, because the time in which Stripe can refund the payment has passed.
import { payableByBank } from '../../domain/allocation.ts';
import { refundForBank } from '../../domain/escrow-state.ts';
import { formatMoney } from '../format.ts';
import { SelectField, TextField } from '../parts/form.tsx';
import { AskSecondPersonPage, type SecondPersonProps } from './ask-second-person.tsx';

export function RefundByBankPage(asked: SecondPersonProps) {
  const { reader, record, typed } = asked;
  const { currency, policy } = record.state.terms;
  const money = (amount: number) => formatMoney(reader.locale, { amount, currency });
  const held = record.state.milestones
    .map((m) => ({ m, isOwed: refundForBank(m) !== null, ...payableByBank(m, policy.feeReturn) }))
    .filter(({ amount }) => amount > 0);
  return (
    <AskSecondPersonPage
      {...asked}
      title="Refund by bank transfer"
      path="refund-by-bank"
      nothing={held.length === 0 ? 'There is no money to give back.' : null}
      consequences={{
        happens: [
          'For payments that Stripe cannot refund any more: the buyer is paid from the platform’s bank, and this says so in the books.',
          'Another person of ops is asked to approve it. If they do, the refund that waits for it, or else all that is left of the milestone, counts as paid.',
        ],
        stays: ['Stripe is asked for nothing: what it holds of the payment becomes the platform’s.'],
        irreversible: 'What is recorded as paid cannot be called back.',
      }}
      button="Ask for approval"
    >
      <SelectField
        name="milestone_id"
        label="Milestone"
        value={typed['milestone_id'] ?? ''}
        options={held.map(({ m, isOwed, amount, toPay }) => [m.id, `${m.title}: ${money(amount)} ${isOwed ? 'to go back' : 'left'}, the buyer gets ${money(toPay)}`] as const)}
      />
      <TextField name="reference" label="Reference of the bank transfer" value={typed['reference']} required />
    </AskSecondPersonPage>
  );
} // prettier-ignore
