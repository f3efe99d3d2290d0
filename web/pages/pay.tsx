// Paying: the sandbox's test methods as buttons, the bank's confirmation, and a clear word for every other state. Where
// Stripe's Payment Element will stand with real keys, this page says so.
import type { Child } from 'hono/jsx';
import type { EscrowRecord } from '../../db/escrows.ts';
import type { Mode } from '../../config/settings.ts';
import type { PaymentState } from '../../domain/escrow-state.ts';
import { Countdown, Money, StatusChip } from '../parts/basics.tsx';
import { Form, newKey } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import { Live } from '../parts/live.tsx';
import type { Reader } from '../reader.ts';
import { PAYMENT_STATUS, statusWords, TEST_METHODS } from '../words.ts';

export interface PayPageProps {
  reader: Reader;
  record: EscrowRecord;
  payment: PaymentState;
  mode: Mode;
  /** The reader is the buyer, and may pay. */
  mayPay: boolean;
  /** Where the bank asks, as Stripe says now. */
  bankUrl: string | null;
  /** They came back from the bank. */
  returned: boolean;
  problem?: Child;
}

export function PayPage(props: PayPageProps) {
  const { reader, record, payment, problem, returned } = props;
  const { state } = record;
  const home = `/escrows/${state.id}`;
  const paid = state.milestones.filter((m) => payment.milestoneIds.includes(m.id));
  return (
    <Layout title="Pay" reader={reader}>
      <div class="narrow">
        <p class="back">
          <a href={home}>Back to {state.terms.title}</a>
        </p>
        {problem}
        <Live id="payment" path={`/pay/${payment.id}${returned ? '?redirect_status=returned' : ''}`} escrowId={state.id} revision={state.revision}>
            <h1>
              Pay <Money reader={reader} of={{ amount: payment.amount, currency: state.terms.currency }} />
            </h1>
            <StatusChip {...statusWords(PAYMENT_STATUS, payment.status)} />
            <p>For {paid.map((m) => m.title).join(', ')}.</p>
            <p class="quiet">The money is held. It goes to the seller when you accept the work, or when your time to review it ends.</p>
            <State {...props} home={home} />
        </Live>
      </div>
    </Layout>
  );
} // prettier-ignore

function State({ reader, payment, mode, mayPay, bankUrl, returned, home }: PayPageProps & { home: string }) {
  const on = (
    <a class="button" href={home}>
      Go on to the escrow
    </a>
  );
  switch (payment.status) {
    case 'succeeded':
      return (
        <div class="card">
          <p class="strong">{payment.returned === null ? 'It is paid, and held.' : 'It arrived too late and goes back to you whole.'}</p>
          {on}
        </div>
      );
    case 'canceled':
      return (
        <div class="card">
          <p class="strong">This payment was cancelled. Nothing was charged.</p>
          {on}
        </div>
      );
    case 'processing':
      return (
        <div class="card">
          <p class="strong">Your bank is processing the payment; with a bank debit this takes days.</p>
          <p>You may leave. If it fails, you are asked to pay again.</p>
          {on}
        </div>
      );
    case 'requires_action':
      return (
        <div class="card">
          <p class="strong">{returned ? 'Your bank has answered. Its answer reaches us within moments.' : 'Your bank asks you to confirm this payment.'}</p>
          {payment.actionUntil === null ? null : <Countdown reader={reader} until={new Date(payment.actionUntil).toISOString()} />}
          {returned ? null : (
            <p class="otherwise">Otherwise: the payment is cancelled, nothing is charged, and you can pay again.</p>
          )}
          <div class="actions">
            {!mayPay || bankUrl === null || returned ? null : (
              <a class="button" href={bankUrl}>
                Go on to your bank
              </a>
            )}
            <a class={returned ? 'button' : 'button second'} href={`/pay/${payment.id}`}>
              Look again
            </a>
          </div>
        </div>
      );
    case 'creating':
    case 'requires_payment_method':
      return mayPay ? <Methods reader={reader} payment={payment} mode={mode} /> : <p>The buyer has not chosen how to pay yet.</p>;
  }
} // prettier-ignore

function Methods({ reader, payment, mode }: { reader: Reader; payment: PaymentState; mode: Mode }) {
  // With live keys Stripe's Payment Element belongs here: it confirms this same PaymentIntent by its client secret.
  if (mode === 'live') {
    return (
      <div class="card">
        <p class="strong">Card details cannot be entered on this page yet.</p>
        <p>Nothing was charged. Your integration can pay through the API: POST /v1/escrows/…/fund answers with the client secret for Stripe’s own form.</p>
      </div>
    );
  }
  return (
    <Form reader={reader} action={`/pay/${payment.id}`} commandKey={newKey()} class="card methods">
      <h2>{mode === 'sandbox' ? 'Sandbox: choose a test method' : 'Test mode: choose a test method'}</h2>
      <p class="quiet">No real money moves.</p>
      {TEST_METHODS.map(({ id, label, what }, index) => (
        <div class="method">
          <button class={index === 0 ? '' : 'second'} type="submit" name="payment_method" value={id} aria-describedby={`what-${id}`}>
            {label}
          </button>
          <p class="quiet" id={`what-${id}`}>
            {what}
          </p>
        </div>
      ))}
    </Form>
  );
} // prettier-ignore
