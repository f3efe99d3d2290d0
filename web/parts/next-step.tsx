// The banner that every escrow begins with: who acts, what, by when, what happens otherwise, and the one button if it is you.
import type { EscrowRecord } from '../../db/escrows.ts';
import { chargeMinor } from '../../domain/terms.ts';
import { fundable } from '../../domain/guards.ts';
import type { Waiting, Who } from '../../domain/waiting.ts';
import { formatMoney } from '../format.ts';
import type { NextStep } from '../next-step.ts';
import type { Reader } from '../reader.ts';
import { ACTIONS } from '../words.ts';
import { Countdown } from './basics.tsx';
import { Form, newKey } from './form.tsx';

interface BannerProps {
  reader: Reader;
  record: EscrowRecord;
  step: NextStep;
}

export function NextStepBanner({ reader, record, step }: BannerProps) {
  const { waiting, yours } = step;
  return (
    <section class={yours ? 'next-step yours' : 'next-step'} aria-labelledby="next-step">
      <h2 id="next-step">{yours ? 'You act next' : whoActs(waiting.who, record)}</h2>
      <p class="what">{waiting.what}</p>
      {waiting.until !== null ? <Countdown reader={reader} until={waiting.until} /> : null}
      {waiting.until === null && isForPeople(waiting) ? <p class="quiet">No date is set for it.</p> : null}
      {waiting.otherwise === null ? null : <p class="otherwise">Otherwise: {waiting.otherwise}</p>}
      {yours ? <MainButton reader={reader} record={record} step={step} /> : null}
    </section>
  );
}

const isForPeople = ({ who }: Waiting): boolean => who !== 'stripe' && who !== 'platform' && who !== 'nobody';

/** Names where a person is meant, so that "the seller" is somebody. */
export function whoActs(who: Who, { parties }: Pick<EscrowRecord, 'parties'>): string {
  const names = (role: 'buyer' | 'seller') => parties.filter((p) => p.role === role).map((p) => p.name).join(', '); // prettier-ignore
  switch (who) {
    case 'buyer':
      return `${names('buyer')} (the buyer) acts next`;
    case 'seller':
      return `The seller acts next: ${names('seller')}`;
    case 'buyer_and_seller':
      return 'Everybody named in the terms acts next';
    case 'ops':
      return 'Our staff act next';
    case 'stripe':
      return 'Nobody has to do anything: the bank is at work';
    case 'platform':
      return 'Nobody has to do anything: the transfer is under way';
    case 'nobody':
      return 'It is over: nobody has to do anything';
  }
}

function MainButton({ reader, record, step }: BannerProps) {
  const { state } = record;
  const at = `/escrows/${state.id}`;
  switch (step.action) {
    case null:
      return null;
    case 'agree':
      return (
        <Form reader={reader} action={`${at}/agree`} commandKey={newKey()}>
          <input type="hidden" name="terms_hash" value={state.termsHash} />
          <p class="quiet">
            You agree to exactly the terms on this page. <a href="#terms">Read them</a>
          </p>
          <button type="submit">{ACTIONS.agree.button}</button>
        </Form>
      );
    case 'fund':
      return <PayButton reader={reader} record={record} milestoneId={step.milestoneId} />;
    case 'authenticate': {
      const payment = state.payments.find(
        (p) => p.status === 'requires_action' && step.milestoneId !== null && p.milestoneIds.includes(step.milestoneId),
      );
      return payment === undefined ? null : (
        <a class="button" href={`/pay/${payment.id}`}>
          Go on to your bank
        </a>
      );
    }
    case 'verify':
      return (
        <a class="button" href="/verification">
          Get verified
        </a>
      );
    default:
      return <ActionButton reader={reader} escrowId={state.id} milestoneId={step.milestoneId} action={step.action} main />;
  }
} // prettier-ignore

interface PayButtonProps {
  reader: Reader;
  record: EscrowRecord;
  /** Absent or of an upfront escrow: all that is due. */
  milestoneId: string | null;
}

export function PayButton({ reader, record: { state }, milestoneId }: PayButtonProps) {
  const ids = state.terms.funding === 'per_milestone' && milestoneId !== null ? [milestoneId] : undefined;
  const due = fundable(state, ids).map((m) => m.id);
  const amount = chargeMinor(state.terms.milestones.filter((m) => due.includes(m.id)));
  return (
    <Form reader={reader} action={`/escrows/${state.id}/fund`} commandKey={newKey()}>
      {due.map((id) => (
        <input type="hidden" name="milestone_ids" value={id} />
      ))}
      <button type="submit">{`Pay ${formatMoney(reader.locale, { amount, currency: state.terms.currency })}`}</button>
    </Form>
  );
}

interface ActionButtonProps {
  reader: Reader;
  escrowId: string;
  milestoneId: string | null;
  action: keyof typeof ACTIONS;
  main?: boolean;
}

/** A form where one click is enough; a link to its page where something must be read or written first. */
export function ActionButton({ reader, escrowId, milestoneId, action, main = false }: ActionButtonProps) {
  const words = ACTIONS[action];
  const slug = action.replaceAll('_', '-');
  const path = milestoneId === null ? `/escrows/${escrowId}/${slug}` : `/escrows/${escrowId}/milestones/${milestoneId}/${slug}`; // prettier-ignore
  const look = main ? 'button' : 'button second';
  if (words.confirm) {
    return (
      <a class={look} href={path}>
        {words.button}
      </a>
    );
  }
  return (
    <Form reader={reader} action={path} commandKey={newKey()}>
      <button class={main ? '' : 'second'} type="submit">
        {words.button}
      </button>
    </Form>
  );
}
