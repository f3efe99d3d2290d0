// Before an action that moves money, binds, or needs words: what happens, what does not, what cannot be undone; then the form.
import type { Child } from 'hono/jsx';
import type { EscrowRecord } from '../../db/escrows.ts';
import type { StoredFile } from '../../db/files.ts';
import { type MilestoneState, openAmount } from '../../domain/escrow-state.ts';
import type { Consequences } from '../consequences.ts';
import { decimalOf, formatMoney } from '../format.ts';
import { ConsequencePanel, DryRun, type DryRunResult } from '../parts/consequences.tsx';
import { described, Field, Form, TextField } from '../parts/form.tsx';
import { FileField } from '../parts/files.tsx';
import { Layout } from '../parts/layout.tsx';
import { TermsInWords } from '../parts/terms.tsx';
import type { Reader } from '../reader.ts';
import { FREEZE_REASON } from '../status-words.ts';
import type { PageAction } from '../words.ts';

export interface ActPageProps {
  reader: Reader;
  record: EscrowRecord;
  milestone: MilestoneState | null;
  action: PageAction;
  consequences: Consequences;
  /** What it would move if it happened now; null where that depends on what is not here. */
  dryRun: DryRunResult | null;
  /** What is left of a released milestone; null where nothing was released. */
  releasedLeft: bigint | null;
  commandKey: string;
  /** As typed before. */
  typed: Readonly<Record<string, string | undefined>>;
  /** Uploaded by an earlier try of this form. */
  files: readonly StoredFile[];
  /** What a refused try says. */
  problem?: Child;
}

/** Another amount moves something else: it can be looked at before. */
const WITH_AMOUNT: readonly PageAction[] = ['accept', 'refund', 'rule'];
const TAKES_FILES: readonly PageAction[] = ['submit', 'dispute', 'reply'];

const TITLES: Partial<Record<PageAction, string>> = {
  accept: 'Accept the work',
  refund: 'Refund',
  cancel: 'Cancel this escrow',
  rule: 'Rule the dispute',
  submit: 'Submit the work',
  request_changes: 'Ask for changes',
  extend: 'Take more time to review',
  dispute: 'Open a dispute',
  reply: 'Reply to the dispute',
  offer: 'Make an offer',
  accept_offer: 'Take the other side’s offer',
  escalate: 'Ask our staff to decide',
  sign_amendment: 'Sign the new terms',
  reject_amendment: 'Reject the new terms',
  freeze: 'Freeze',
  unfreeze: 'End a freeze',
};

export function ActPage(props: ActPageProps) {
  const { reader, record, milestone, action, consequences, commandKey, problem } = props;
  const { state } = record;
  const title = TITLES[action] ?? 'Go on';
  const home = `/escrows/${state.id}`;
  const path = milestone === null ? home : `${home}/milestones/${milestone.id}`;
  return (
    <Layout title={title} reader={reader}>
      <div class="narrow">
        <p class="back">
          <a href={home}>Back to {state.terms.title}</a>
        </p>
        <h1>
          {title}
          {milestone === null ? null : <span class="of">{milestone.title}</span>}
        </h1>
        {problem}
        <ConsequencePanel consequences={consequences}>
          <DryRun reader={reader} result={props.dryRun} />
        </ConsequencePanel>
        <Form
          reader={reader}
          action={`${path}/${action.replaceAll('_', '-')}`}
          commandKey={commandKey}
          class="card"
          files={TAKES_FILES.includes(action)}
        >
          <ActionFields {...props} />
          <div class="actions">
            <button type="submit">{consequences.button}</button>
            {WITH_AMOUNT.includes(action) ? (
              <button class="second" type="submit" name="intent" value="preview" formnovalidate>
                Show what this amount moves
              </button>
            ) : null}
            <a class="button plain" href={home}>
              Do nothing
            </a>
          </div>
        </Form>
      </div>
    </Layout>
  );
}

function ActionFields(props: ActPageProps) {
  const { action, milestone, record, typed } = props;
  switch (action) {
    case 'accept':
      return <AmountField {...props} label="Amount to accept" />;
    case 'refund':
      return (
        <>
          {milestone?.refundRequest || record.recoveries.some((r) => r.milestone_id === milestone?.id && r.status === 'asked') ? null : <AmountField {...props} label="Amount to refund" />}
          <TextField name="reason" label="Reason" hint="Both sides read it." value={typed['reason'] ?? milestone?.refundRequest?.reason} required />
        </>
      );
    case 'cancel':
      return <TextField name="reason" label="Reason (optional)" hint="Both sides read it." value={typed['reason']} />;
    case 'submit':
      return (
        <>
          <TextField name="note" label="What you deliver (optional)" hint="Say where it is and how to look at it." value={typed['note']} />
          <FileField reader={props.reader} files={props.files} label="Files (optional)" hint="Their fingerprint is recorded: it proves later what was delivered." />
          <Field id="deliverable_sha256" label="Fingerprint of a delivery made elsewhere (optional)" hint="SHA-256, 64 hexadecimal digits. Leave it empty when you add files here.">
            <input id="deliverable_sha256" name="deliverable_sha256" pattern="[0-9a-f]{64}" maxlength={64} autocomplete="off" spellcheck={false} value={typed['deliverable_sha256'] ?? ''} {...described('deliverable_sha256', '', undefined)} />
          </Field>
        </>
      );
    case 'request_changes':
      return <TextField name="note" label="What should change" hint="The seller reads it and submits again." value={typed['note']} required />;
    case 'extend':
      return (
        <Field id="until" label="Until which day (optional)" hint="Left empty: as long as possible.">
          <input id="until" name="until" type="date" value={typed['until'] ?? ''} {...described('until', '', undefined)} />
        </Field>
      );
    case 'dispute':
      return (
        <>
          <TextField name="reason" label="What is wrong" hint="Both sides and our staff read it." value={typed['reason']} required />
          <AmountField {...props} label="What you claim for yourself" />
          <FileField reader={props.reader} files={props.files} label="Files that show it (optional)" hint="Both sides and our staff see them." />
        </>
      );
    case 'reply':
      return (
        <>
          <TextField name="message" label="Your side" hint="Both sides and our staff read it." value={typed['message']} required />
          <FileField reader={props.reader} files={props.files} label="Files that show it (optional)" hint="Both sides and our staff see them." />
        </>
      );
    case 'offer':
      return <AmountField {...props} label="What the seller shall get" />;
    case 'rule':
      return (
        <>
          <AmountField {...props} label="What the seller gets" empty />
          <TextField name="reason" label="Reason" hint="Both sides read it." value={typed['reason']} required />
        </>
      );
    case 'freeze':
      return (
        <>
          <Field id="subject" label="What to freeze">
            <select id="subject" name="subject">
              <option value="">The whole escrow</option>
              {record.state.milestones.map((m) => (
                <option value={m.id} selected={typed['subject'] === m.id}>
                  Only {m.title}
                </option>
              ))}
            </select>
          </Field>
          <TextField name="reason" label="Reason" hint="Buyer and seller read it." value={typed['reason']} required />
        </>
      );
    case 'unfreeze':
      return (
        <Field id="subject" label="Which freeze to end">
          <select id="subject" name="subject">
            {record.state.frozen
              .filter((f) => f.reason === 'ops')
              .map((f) => (
                <option value={f.scope === 'escrow' ? '' : f.subject}>
                  {f.scope === 'escrow' ? 'The whole escrow' : (record.state.milestones.find((m) => m.id === f.subject)?.title ?? f.subject)}: {f.detail} ({FREEZE_REASON[f.reason]})
                </option>
              ))}
          </select>
        </Field>
      );
    case 'sign_amendment':
    case 'reject_amendment': {
      const { amendment } = record.state;
      return amendment === null ? null : (
        <>
          <h2>The new terms</h2>
          <TermsInWords reader={props.reader} terms={amendment.terms} />
          <input type="hidden" name="amendment_id" value={amendment.id} />
          <input type="hidden" name="terms_hash" value={amendment.termsHash} />
        </>
      );
    }
    case 'agree':
    case 'amend':
    case 'fund':
    case 'start':
    case 'accept_offer':
    case 'escalate':
      return null;
  }
} // prettier-ignore

function AmountField({ reader, record, milestone, typed, label, releasedLeft, empty = false }: ActPageProps & { label: string; empty?: boolean }) {
  const { currency } = record.state.terms;
  const open = milestone === null ? 0 : (releasedLeft ?? (milestone.status === 'disputed' ? (milestone.dispute?.amount ?? 0) : openAmount(milestone)));
  const hint = `All that is left: ${formatMoney(reader.locale, { amount: open, currency })}. ${milestone?.status === 'disputed' ? 'The buyer gets the rest.' : 'A smaller amount is a part; the rest stays as it is.'}`;
  return (
    <Field id="amount" label={`${label} (${currency.toUpperCase()})`} hint={hint}>
      <input id="amount" name="amount" inputmode="decimal" autocomplete="off" value={typed['amount'] ?? (empty ? '' : decimalOf({ amount: open, currency }))} {...described('amount', hint, undefined)} />
    </Field>
  );
} // prettier-ignore
