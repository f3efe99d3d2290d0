// Proposing new terms: the present ones as a form, what the change does to the money, and the new terms in sentences.
import type { EscrowRecord } from '../../db/escrows.ts';
import type { Terms } from '../../domain/terms.ts';
import { type AmendedFields, type AmendmentFields, isFixed } from '../amendment-form.ts';
import type { Consequences } from '../consequences.ts';
import { formatDay, formatSpan } from '../format.ts';
import { ErrorState } from '../parts/basics.tsx';
import { ConsequencePanel } from '../parts/consequences.tsx';
import { Form, SelectField, TextInput } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import { TermsInWords } from '../parts/terms.tsx';
import type { FieldErrors } from '../proposal-form.ts';
import type { Reader } from '../reader.ts';
import { MILESTONE_STATUS } from '../status-words.ts';

interface AmendPageProps {
  reader: Reader;
  record: EscrowRecord;
  given: AmendmentFields;
  errors: FieldErrors;
  /** Once they were looked at. */
  terms: Terms | null;
  consequences: Consequences | null;
  commandKey: string;
  inspections: readonly (readonly [period: string, label: string])[];
  emails: readonly string[];
}

export function AmendPage(props: AmendPageProps) {
  const { reader, record, given, errors, terms, consequences, commandKey, emails } = props;
  const home = `/escrows/${record.state.id}`;
  const count = Object.keys(errors).length;
  const looked = terms !== null && consequences !== null;
  return (
    <Layout title="Propose new terms" reader={reader}>
      <p class="back">
        <a href={home}>Back to {record.state.terms.title}</a>
      </p>
      <h1>Propose new terms</h1>
      <p class="lead">Change what you want to be different. Nothing changes before everybody has signed.</p>
      {count === 0 ? null : (
        <ErrorState title={errors['whole'] ?? errors['milestones'] ?? (count === 1 ? 'One field needs another look.' : `${count} fields need another look.`)}>
          <p>Nothing was proposed. Everything that you typed is still here.</p>
        </ErrorState>
      )}
      <datalist id="emails">
        {emails.map((email) => (
          <option value={email}></option>
        ))}
      </datalist>
      <Form reader={reader} action={`${home}/amend`} commandKey={commandKey}>
        <button class="visually-hidden" type="submit" name="intent" value="preview" tabindex={-1} aria-hidden="true">
          Show what changes
        </button>
        <section class="card">
          <TextInput name="title" label="Title" value={given.title} error={errors['title']} />
        </section>
        {given.milestones.map((m, index) => (
          <MilestoneChange {...props} m={m} index={index} />
        ))}
        <p>
          <button class="second" type="submit" name="intent" value="add">
            Add a milestone
          </button>
        </p>
        {looked ? (
          <>
            <ConsequencePanel consequences={consequences} />
            <section class="card quote" aria-labelledby="new-terms">
              <h2 id="new-terms">The new terms</h2>
              <TermsInWords reader={reader} terms={terms} />
            </section>
          </>
        ) : null}
        <div class="actions">
          <button class={looked ? 'second' : ''} type="submit" name="intent" value="preview">
            Show what changes
          </button>
          {looked ? (
            <button type="submit" name="intent" value="propose">
              Propose these terms
            </button>
          ) : null}
          <a class="button plain" href={home}>
            Do nothing
          </a>
        </div>
      </Form>
    </Layout>
  );
} // prettier-ignore

interface MilestoneChangeProps extends AmendPageProps {
  m: AmendedFields;
  index: number;
}

function MilestoneChange({ reader, record, errors, inspections, m, index }: MilestoneChangeProps) {
  const before = record.state.terms.milestones.find((t) => t.id === m.id);
  const now = record.state.milestones.find((each) => each.id === m.id);
  const error = (name: string) => errors[`m_${name}_${index}`];
  const id = (name: string) => `m_${name}_${index}`;
  if (before !== undefined && isFixed(record, m.id)) {
    return (
      <fieldset class="card">
        <legend>{before.title}</legend>
        <p>{now === undefined ? '' : MILESTONE_STATUS[now.status].label}: it stays as it is.</p>
        {(['title', 'amount', 'seller', 'due', 'inspection'] as const).map((name) => (
          <input type="hidden" name={`m_${name}`} value={m[name]} />
        ))}
        <input type="hidden" name="m_id" value={m.id} />
      </fieldset>
    );
  }
  return (
    <fieldset class="card">
      <legend>{before?.title ?? `New milestone ${index + 1}`}</legend>
      <input type="hidden" name="m_id" value={m.id} />
      <TextInput name="m_title" id={id('title')} label="What is delivered" value={m.title} error={error('title')} />
      <div class="columns">
        <TextInput name="m_amount" id={id('amount')} label={`Price (${record.state.terms.currency.toUpperCase()})`} value={m.amount} error={error('amount')} inputmode="decimal" />
        {before === undefined ? (
          <TextInput name="m_seller" id={id('seller')} label="Seller’s e-mail" value={m.seller} error={error('seller')} list type="email" />
        ) : (
          <input type="hidden" name="m_seller" value={m.seller} />
        )}
      </div>
      <div class="columns">
        <TextInput name="m_due" id={id('due')} label="Due (optional)" hint={before === undefined ? undefined : `As agreed: ${before.dueAt === null ? 'no date' : formatDay(reader, before.dueAt)}. Left empty it stays.`} value={m.due} error={error('due')} type="date" />
        <SelectField name="m_inspection" id={id('inspection')} label="Time to review" value={m.inspection} error={error('inspection')} options={before === undefined ? inspections : [['', `As agreed: ${formatSpan(before.inspectionMs)}`], ...inspections]} />
      </div>
      <label class="choice">
        <input type="checkbox" name="m_out" value={String(index)} checked={m.out} />
        {before === undefined ? 'Do not add it after all' : 'Take it out of the terms'}
      </label>
    </fieldset>
  );
} // prettier-ignore
