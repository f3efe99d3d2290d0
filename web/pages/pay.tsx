// Paying: Stripe's Payment Element where a publishable key is set, the test methods as buttons without real money, the bank's
// confirmation, and a clear word for every other state.
import type { Child } from 'hono/jsx';
import type { EscrowRecord } from '../../db/escrows.ts';
import type { Mode } from '../../config/settings.ts';
import type { PaymentState } from '../../domain/escrow-state.ts';
import { assetPaths } from '../assets.ts';
import { Countdown, Money, StatusChip } from '../parts/basics.tsx';
import { Form, newKey } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import { Live } from '../parts/live.tsx';
import type { Reader } from '../reader.ts';
import { PAYMENT_STATUS, TEST_METHODS } from '../money-words.ts';
import { statusWords } from '../status-words.ts';

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
  /** Where the buyer goes on, of a payment on Stripe's own page that is open. */
  stripePage: string | null;
  /** What Stripe's own form needs; null where no card can be entered here. */
  element: ElementFacts | null;
  problem?: Child;
}

export interface ElementFacts {
  publishableKey: string;
  clientSecret: string;
  /** Where the bank sends the buyer back to. */
  returnUrl: string;
}

const STRIPE_JS = 'https://js.stripe.com/v3/';

export function PayPage(props: PayPageProps) {
  const { reader, record, payment, problem, returned, element } = props;
  const { state } = record;
  const home = `/escrows/${state.id}`;
  return (
    <Layout title="Pay" reader={reader} scripts={element === null ? [] : [STRIPE_JS, assetPaths.payElement]}>
      <div class="narrow">
        <p class="back">
          <a href={home}>Back to {state.terms.title}</a>
        </p>
        {problem}
        {element === null ? (
          <Live id="payment" path={`/pay/${payment.id}${returned ? '?redirect_status=returned' : ''}`} escrowId={state.id} revision={state.revision}>
            <What {...props} />
            <State {...props} home={home} />
          </Live>
        ) : (
          // Nothing is replaced under somebody who types a card number.
          <>
            <What {...props} />
            <CardForm reader={reader} element={element} />
            <OnStripesPage reader={reader} payment={payment} />
            <State {...props} home={home} />
          </>
        )}
      </div>
    </Layout>
  );
} // prettier-ignore

function What({ reader, record: { state }, payment }: PayPageProps) {
  const paid = state.milestones.filter((m) => payment.milestoneIds.includes(m.id));
  return (
    <>
      <h1>
        Pay <Money reader={reader} of={{ amount: payment.amount, currency: state.terms.currency }} />
      </h1>
      <StatusChip {...statusWords(PAYMENT_STATUS, payment.status)} />
      <p>For {paid.map((m) => m.title).join(', ')}.</p>
      <p class="quiet">
        The money is held. It goes to the seller when you accept the work, or when your time to review it ends.
      </p>
    </>
  );
}

/** Filled by Stripe's script, in a frame of Stripe's: what is typed goes to Stripe alone. */
function CardForm({ reader, element }: { reader: Reader; element: ElementFacts }) {
  const { publishableKey, clientSecret, returnUrl } = element;
  return (
    <section class="card" id="stripe-pay" aria-label="Pay" data-publishable-key={publishableKey} data-client-secret={clientSecret} data-return-url={returnUrl} data-locale={reader.locale}>
      <noscript>
        <p class="strong">A card can only be entered where scripts run: Stripe’s form is one.</p>
        <p>Nothing was charged. Without scripts you pay on Stripe’s own page, below.</p>
      </noscript>
      <p id="stripe-loading" role="status" hidden>
        Stripe’s form is loading.
      </p>
      <div id="stripe-failed" class="problem" role="alert" hidden>
        <p class="strong">Stripe’s form did not load</p>
        <p>Nothing was charged. A blocker or the network may keep it away: allow js.stripe.com, then load the page again, or pay on Stripe’s own page, below.</p>
        <p>
          <a class="button" href="">
            Load it again
          </a>
        </p>
      </div>
      <form hidden>
        <div id="payment-element"></div>
        <p id="stripe-message" class="problem" role="alert" tabindex={-1} hidden></p>
        <button type="submit">Pay now</button>
      </form>
      <p class="quiet">What you type goes to Stripe, encrypted; Tranche never sees it.</p>
    </section>
  );
} // prettier-ignore

/** A form alone: it works where no script does. */
function OnStripesPage({ reader, payment }: { reader: Reader; payment: PaymentState }) {
  return (
    <Form reader={reader} action={`/pay/${payment.id}`} commandKey={newKey()} class="card">
      <p>Or pay on Stripe’s own page: it needs no scripts here, and leads you back.</p>
      <button class="second" type="submit" name="way" value="stripe">
        Pay on Stripe’s page
      </button>
    </Form>
  );
}

/** Begun on Stripe's page: the way there, and the way to pay otherwise. */
function BegunOnStripesPage({ reader, payment, mayPay, stripePage, returned }: PayPageProps) {
  if (!mayPay) return <p>The buyer pays on Stripe’s page.</p>;
  return (
    <div class="card">
      <p class="strong">
        {returned ? 'Stripe’s answer reaches us within moments.' : stripePage === null ? 'Stripe’s page for this payment is over, or cannot be reached now.' : 'You pay this on Stripe’s own page.'}
      </p>
      {payment.actionUntil === null ? null : <Countdown reader={reader} until={new Date(payment.actionUntil).toISOString()} />}
      <p>{returned ? 'This page shows it.' : 'Nothing was charged yet.'}</p>
      <div class="actions">
        {stripePage === null || returned ? null : <a class="button" href={stripePage}>Go on to Stripe’s page</a>}
        <a class="button second" href={`/pay/${payment.id}`}>Look again</a>
      </div>
      {returned ? null : (
        <Form reader={reader} action={`/pay/${payment.id}`} commandKey={newKey()}>
          <button class="plain" type="submit" name="way" value="here">Pay another way</button>
        </Form>
      )}
    </div>
  );
} // prettier-ignore

function State(props: PayPageProps & { home: string }) {
  const { reader, payment, mode, mayPay, bankUrl, returned, element, home } = props;
  if (payment.checkout !== undefined && ['requires_payment_method', 'requires_action'].includes(payment.status)) return <BegunOnStripesPage {...props} />;
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
      return mayPay ? <Methods reader={reader} payment={payment} mode={mode} hasElement={element !== null} /> : <p>The buyer has not chosen how to pay yet.</p>;
  }
} // prettier-ignore

function Methods({ reader, payment, mode, hasElement }: { reader: Reader; payment: PaymentState; mode: Mode; hasElement: boolean }) {
  if (mode === 'live') {
    return hasElement ? null : (
      <div class="card">
        <p class="strong">You pay on Stripe’s own page, which leads you back here.</p>
        <p>Nothing was charged yet.</p>
        <Form reader={reader} action={`/pay/${payment.id}`} commandKey={newKey()}>
          <button type="submit" name="way" value="stripe">Pay on Stripe’s page</button>
        </Form>
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
      {hasElement ? null : (
        <div class="method">
          <button class="second" type="submit" name="way" value="stripe" aria-describedby="what-stripe">
            Pay on Stripe’s page
          </button>
          <p class="quiet" id="what-stripe">
            Checkout: it needs no scripts here, and leads you back.
          </p>
        </div>
      )}
    </Form>
  );
} // prettier-ignore
