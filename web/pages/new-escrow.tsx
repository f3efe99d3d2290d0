// Writing the terms of a new escrow: one form, a row for each milestone, and what it costs before anyone is asked to agree.
import { CURRENCIES } from '../../domain/money.ts';
import type { Terms } from '../../domain/terms.ts';
import { ErrorState } from '../parts/basics.tsx';
import { Form, SelectField, TextInput } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import { TermsInWords } from '../parts/terms.tsx';
import type { FieldErrors, MilestoneFields, ProposalFields } from '../proposal-form.ts';
import type { Reader } from '../reader.ts';
import { CLAWBACK_WORDS, DISPUTE_FEE_WORDS, FEE_PAYER_WORDS, FUNDING_WORDS } from '../status-words.ts';

interface NewEscrowProps {
  reader: Reader;
  given: ProposalFields;
  errors: FieldErrors;
  quote: Terms | null;
  commandKey: string;
  verticals: readonly string[];
  inspections: readonly (readonly [period: string, label: string])[];
  /** Suggestions; in the sandbox only. */
  emails: readonly string[];
}

export function NewEscrowPage(props: NewEscrowProps) {
  const { reader, given, errors, quote, commandKey, verticals, inspections, emails } = props;
  const count = Object.keys(errors).length;
  return (
    <Layout title="New escrow" reader={reader} path="/escrows/new">
      <h1>New escrow</h1>
      <p class="lead">
        Write what is delivered, by whom and for how much. The other side reads it and agrees; only then is anything paid.
      </p>
      {count === 0 ? null : (
        <ErrorState title={errors['whole'] ?? (count === 1 ? 'One field needs another look.' : `${count} fields need another look.`)}>
          <p>Nothing was proposed. Everything that you typed is still here.</p>
        </ErrorState>
      )}
      <datalist id="emails">
        {emails.map((email) => (
          <option value={email}></option>
        ))}
      </datalist>
      <Form reader={reader} action="/escrows/new" commandKey={commandKey} class="proposal">
        {/* Enter in a field shows the costs: it must neither propose nor remove anything. */}
        <button class="visually-hidden" type="submit" name="intent" value="preview" tabindex={-1} aria-hidden="true">
          Show what it costs
        </button>
        <section class="card" aria-labelledby="about">
          <h2 id="about">1. What it is about</h2>
          <TextInput name="title" label="Title" value={given.title} error={errors['title']} hint="Both sides see it." />
          {reader.person.role === 'seller' ? (
            <TextInput name="buyer" label="Buyer’s e-mail" value={given.buyer} error={errors['buyer']} list type="email" />
          ) : null}
          <div class="columns">
            <SelectField name="currency" label="Currency" value={given.currency} error={errors['currency']} options={CURRENCIES.map((c) => [c, c.toUpperCase()] as const)} />
            <SelectField name="vertical" label="Kind of work" value={given.vertical} error={errors['vertical']} options={verticals.map((v) => [v, v.charAt(0).toUpperCase() + v.slice(1)] as const)} />
          </div>
          <div class="columns">
            <SelectField name="funding" label="When the buyer pays" value={given.funding} error={errors['funding']} options={Object.entries(FUNDING_WORDS)} />
            <SelectField name="fee_payer" label="Who pays the fee" value={given.feePayer} error={errors['fee_payer']} options={Object.entries(FEE_PAYER_WORDS)} />
          </div>
          <details open={errors['dispute_fee'] !== undefined || errors['clawback'] !== undefined}>
            <summary>If the buyer’s bank takes a payment back (usual terms are set)</summary>
            <SelectField name="dispute_fee" label="If a chargeback is lost, who pays Stripe’s fee for it" value={given.disputeFee} error={errors['dispute_fee']} options={Object.entries(DISPUTE_FEE_WORDS)} />
            <SelectField name="clawback" label="When a chargeback takes back what was paid out" value={given.clawback} error={errors['clawback']} options={Object.entries(CLAWBACK_WORDS)} />
          </details>
        </section>
        <h2 id="milestones">2. What is delivered, in milestones</h2>
        {given.milestones.map((milestone, index) => (
          <MilestoneFieldset index={index} milestone={milestone} errors={errors} inspections={inspections} removable={given.milestones.length > 1} />
        ))}
        <p>
          <button class="second" type="submit" name="intent" value="add">
            Add another milestone
          </button>
        </p>
        {/* With scripts the costs follow what is typed; without, the button below shows them. What listens is not what is
            replaced: what is typed while an answer comes would be lost with an element that goes. */}
        <div
          hx-post="/escrows/new"
          hx-trigger="input from:closest form delay:500ms, change from:closest form"
          hx-include="closest form"
          hx-vals='{"intent":"quote"}'
          hx-sync="this:replace"
          hx-select="#quote"
          hx-target="#quote"
          hx-swap="outerHTML"
        >
          <div id="quote">
          <section class={quote === null ? 'card' : 'card quote'} aria-labelledby="costs" aria-live="polite">
            <h2 id="costs">3. What it costs, and what you all agree to</h2>
            {quote === null ? (
              <p class="quiet">The costs and the terms in sentences appear here, as soon as titles, prices and sellers are there.</p>
            ) : (
              <TermsInWords reader={reader} terms={quote} />
            )}
          </section>
          </div>
        </div>
        <div class="actions">
          <button class={quote === null ? '' : 'second'} type="submit" name="intent" value="preview">
            Show what it costs
          </button>
          <button class={quote === null ? 'second' : ''} type="submit" name="intent" value="propose">
            Propose it
          </button>
        </div>
      </Form>
    </Layout>
  );
} // prettier-ignore

interface MilestoneFieldsetProps {
  index: number;
  milestone: MilestoneFields;
  errors: FieldErrors;
  inspections: NewEscrowProps['inspections'];
  removable: boolean;
}

function MilestoneFieldset({ index, milestone: m, errors, inspections, removable }: MilestoneFieldsetProps) {
  const error = (name: string) => errors[`m_${name}_${index}`];
  const id = (name: string) => `m_${name}_${index}`;
  return (
    <fieldset class="card">
      <legend>{`Milestone ${index + 1}`}</legend>
      <TextInput name="m_title" id={id('title')} label="What is delivered" value={m.title} error={error('title')} />
      <div class="columns">
        <TextInput name="m_amount" id={id('amount')} label="Price" value={m.amount} error={error('amount')} inputmode="decimal" />
        <TextInput name="m_seller" id={id('seller')} label="Seller’s e-mail" value={m.seller} error={error('seller')} list type="email" />
      </div>
      <div class="columns">
        <TextInput name="m_due" id={id('due')} label="Due (optional)" value={m.due} error={error('due')} type="date" />
        <SelectField name="m_inspection" id={id('inspection')} label="Time to review" value={m.inspection} error={error('inspection')} options={inspections} />
      </div>
      {removable ? (
        <button class="plain" type="submit" name="intent" value={`remove:${index}`}>
          {`Remove milestone ${index + 1}`}
        </button>
      ) : null}
    </fieldset>
  );
} // prettier-ignore
