// A chargeback: what the bank took and until when it listens, the evidence with its files, and what can be done about it.
import type { CardDisputeView } from '../../api/card-dispute.ts';
import type { EscrowRecord } from '../../db/escrows.ts';
import type { StoredFile } from '../../db/files.ts';
import { policyInWords } from '../../domain/policy.ts';
import { isUndecided, phaseOf } from '../../domain/chargeback.ts';
import { EVIDENCE_FILE_FIELDS } from '../../payments/port.ts';
import { type Amount, formatMoney, formatSize } from '../format.ts';
import { CopyableId, Countdown, ErrorState, Moment, Money, Notice, StatusChip } from '../parts/basics.tsx';
import { ConsequencePanel } from '../parts/consequences.tsx';
import { described, Field, Form, newKey, TextField } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import { Table } from '../parts/table.tsx';
import type { Reader } from '../reader.ts';
import { CARD_DISPUTE_PHASE, EVIDENCE_FIELDS } from '../status-words.ts';

export interface CardDisputePageProps {
  reader: Reader;
  record: EscrowRecord;
  dispute: CardDisputeView;
  /** Until when sellers may answer: then what is staged goes out by itself. Null: that is over. */
  until: string | null;
  /** Who accepted the loss, of those who must. */
  accepted: readonly string[];
  files: readonly StoredFile[];
  commandKey: string;
  typed: Readonly<Record<string, string | undefined>>;
  notice: string | undefined;
  problem: string | undefined;
}

export function CardDisputePage(props: CardDisputePageProps) {
  const { reader, record, dispute: d, until, files, notice, problem } = props;
  const acts = d.available_actions.length > 0;
  const phase = phaseOf(d.status);
  return (
    <Layout title="Dispute at the bank" reader={reader}>
      <div class="narrow">
        <p class="back">
          <a href={`/escrows/${d.escrow_id}`}>Back to {record.state.terms.title}</a>
        </p>
        <h1>
          The buyer’s bank disputes <Money reader={reader} of={d.amount} />
          <span class="of">{record.state.terms.title}</span>
        </h1>
        <Notice text={notice} />
        {problem === undefined ? null : (
          <ErrorState title="This was not done">
            <p>{problem}</p>
            <p>Nothing was sent to the bank.</p>
          </ErrorState>
        )}
        <section class={acts ? 'next-step yours' : 'next-step'} aria-labelledby="now">
          <h2 id="now">{acts ? 'You may answer' : 'Nobody has to do anything here'}</h2>
          <StatusChip {...CARD_DISPUTE_PHASE[phase]} />
          <p>
            The bank’s reason: {d.reason.replaceAll('_', ' ')}. It opened the dispute{' '}
            <Moment reader={reader} at={d.created_at} />.
          </p>
          {acts && until !== null ? (
            <>
              <Countdown reader={reader} until={until} />
              <p class="otherwise">
                Otherwise: what is staged is sent by itself, with the terms, the timeline and the fingerprints of the
                deliveries. Without evidence the bank usually gives the money back to the buyer.
              </p>
            </>
          ) : null}
          {d.due_by === null || !acts ? null : (
            <p class="quiet">
              The bank takes no evidence after <Moment reader={reader} at={d.due_by} />.
            </p>
          )}
          {phase === 'review' ? <p>The bank decides now. That takes up to 75 days; you are told.</p> : null}
        </section>
        <HeldBack {...props} />
        <Loss {...props} />
        <section class="card" aria-labelledby="evidence">
          <h2 id="evidence">Evidence</h2>
          {d.evidence === null ? (
            <p class="quiet">Nothing is staged yet.</p>
          ) : (
            <blockquote>
              <p class="quiet">
                Staged <Moment reader={reader} at={d.evidence.at} />
              </p>
              <p class="written">{d.evidence.text}</p>
            </blockquote>
          )}
          {files.length === 0 ? null : (
            <ul class="plain-list">
              {files.map((f) => (
                <li>
                  {EVIDENCE_FIELDS[f.evidence_field as keyof typeof EVIDENCE_FIELDS] ?? f.evidence_field}:{' '}
                  <a href={`/files/${f.id}`} download={f.name}>
                    {f.name}
                  </a>{' '}
                  <span class="quiet">{formatSize(f.size)}</span>
                </li>
              ))}
            </ul>
          )}
        </section>
        {acts ? <Answer {...props} /> : null}
        <p class="quiet">
          At Stripe: <CopyableId id={d.stripe_dispute_id} /> over the charge <CopyableId id={d.stripe_charge_id} />
        </p>
      </div>
    </Layout>
  );
}

interface PerMilestoneProps extends Pick<CardDisputePageProps, 'reader' | 'record'> {
  label: string;
  columns: readonly string[];
  /** `of`: whose it is, in small. */
  rows: readonly { milestoneId: string; of?: string | undefined; amounts: readonly Amount[] }[];
}

/** A row of amounts for each milestone. */
function PerMilestone({ reader, record, label, columns, rows }: PerMilestoneProps) {
  return (
    <Table label={label} columns={['Milestone', ...columns.map((c) => ({ label: c, right: true }))]}>
      {rows.map(({ milestoneId, of, amounts }) => (
        <tr>
          <th scope="row">
            {record.state.milestones.find((m) => m.id === milestoneId)?.title ?? milestoneId}
            {of === undefined ? null : <span class="of">{of}</span>}
          </th>
          {amounts.map((amount) => (
            <td class="right">
              <Money reader={reader} of={amount} />
            </td>
          ))}
        </tr>
      ))}
    </Table>
  );
}

/** By the terms: released money that is taken back while the bank decides, and what comes of it. */
function HeldBack({ reader, record, dispute: d }: CardDisputePageProps) {
  const { policy, milestones } = d.clawback;
  if (milestones.length === 0) return policy === 'at_loss' || !isUndecided(phaseOf(d.status)) ? null : <p class="quiet">Released money is taken back while the bank decides; nothing was yet.</p>;
  return (
    <section class="card" aria-labelledby="held-back">
      <h2 id="held-back">Held back while the bank decides</h2>
      <p class="quiet">The terms say so: what was released is taken back when a dispute opens, and paid again if the bank decides for the seller.</p>
      <PerMilestone
        {...{ reader, record }}
        label="Held back"
        columns={['Taken back', 'Lost', 'Paid again', 'Held now', 'Comes back if won']}
        rows={milestones.map((p) => ({
          milestoneId: p.milestone_id,
          of: record.parties.find((party) => party.id === p.seller_id)?.name,
          amounts: [p.taken_back, p.taken_by_loss, p.paid_again, p.held_back, p.comes_back_if_won],
        }))}
      />
    </section>
  );
} // prettier-ignore

function Loss({ reader, record, dispute: d }: CardDisputePageProps) {
  if (d.loss === null) return null;
  return (
    <section class="card" aria-labelledby="loss">
      <h2 id="loss">Who bears the loss</h2>
      <PerMilestone
        {...{ reader, record }}
        label="The loss"
        columns={['Of held money', 'From the seller', 'From Tranche', 'Stripe’s fee, from the seller']}
        rows={d.loss.map((p) => ({ milestoneId: p.milestone_id, amounts: [p.unreleased, p.from_seller, p.from_platform, p.fee] }))}
      />
    </section>
  );
} // prettier-ignore

function Answer({ reader, record, dispute: d, accepted, files, commandKey, typed }: CardDisputePageProps) {
  const at = `/disputes/${d.id}`;
  const amount = formatMoney(reader.locale, d.amount);
  const { policy } = record.state.terms;
  const words = 'PDF, PNG or JPEG; 4.5 MB together.';
  return (
    <>
      <section aria-labelledby="build">
        <h2 id="build">Build the evidence</h2>
        <Form reader={reader} action={`${at}/evidence`} commandKey={commandKey} class="card" files>
          <TextField name="text" label="What happened, for the bank" hint="Say what was agreed, what was delivered and when, and what the buyer answered. Short and exact." value={typed['text'] ?? d.evidence?.text} rows={8} required />
          {EVIDENCE_FILE_FIELDS.map((name) => {
            const kept = files.find((f) => f.evidence_field === name);
            return (
              <Field id={name} label={`${EVIDENCE_FIELDS[name]} (optional)`} hint={words}>
                {kept === undefined ? null : (
                  <label class="choice">
                    <input type="checkbox" name="kept" value={`${name}:${kept.id}`} checked />
                    Keep {kept.name}
                  </label>
                )}
                <input id={name} type="file" name={name} accept=".pdf,.png,.jpg,.jpeg" {...described(name, words, undefined)} />
              </Field>
            );
          })}
          <button type="submit">Stage it</button>
          <p class="hint">Staged evidence can be changed until it is sent.</p>
        </Form>
      </section>
      {d.evidence === null ? null : (
        <section aria-labelledby="send">
          <h2 id="send">Send it now</h2>
          <ConsequencePanel consequences={{ happens: ['What is staged goes to the bank with our own pack: the terms, the timeline and the fingerprints of the deliveries.', 'The bank decides. That takes up to 75 days.'], stays: [policyInWords(policy).clawback], irreversible: 'Evidence is sent once. It cannot be changed or added to afterwards.', button: '' }} />
          <Form reader={reader} action={`${at}/submit-evidence`} commandKey={newKey()}>
            <div class="actions">
              <button type="submit">Send the evidence</button>
            </div>
          </Form>
        </section>
      )}
      <section aria-labelledby="accept">
        <h2 id="accept">Accept the loss</h2>
        <ConsequencePanel consequences={{ happens: [`The buyer keeps the ${amount}. Of your part, money that is still held goes first; then what was paid to you is taken back, and what your balance does not cover becomes a debt.`, policy.chargebackLoss === 'platform' ? 'By the terms, Tranche bears what was already released.' : 'By the terms, the seller bears what was already released.', policyInWords(policy).dispute_fee, reader.person.role === 'ops' ? 'You decide this for every seller.' : 'Where several sellers are affected, it counts once all of them have accepted.'], stays: accepted.length === 0 ? [] : [`${accepted.length} of those affected have accepted already.`], irreversible: 'It cannot be taken back, and no evidence can be sent afterwards.', button: '' }} />
        <Form reader={reader} action={`${at}/accept-loss`} commandKey={newKey()}>
          <div class="actions">
            <button class="second" type="submit">{`Accept the loss of ${amount}`}</button>
          </div>
        </Form>
      </section>
    </>
  );
} // prettier-ignore
