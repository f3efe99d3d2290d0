// Amendments: new terms that every side signs within their time, or that lapse and leave the old ones. Signing applies them.
import { planAmendment } from '../domain/amendments.ts';
import { fundBy } from '../domain/deadlines.ts';
import type { EscrowState, MilestoneState } from '../domain/escrow-state.ts';
import { partiesOf } from '../domain/terms.ts';
import { moveEscrow, moveMilestone } from '../domain/transitions.ts';
import type { EscrowCommands } from './messages.ts';
import { addRefund, askRefund, plannedMilestone } from './moves.ts';
import { type Mark, person, PLATFORM, TIMER } from './run.ts';

export function proposeAmendment(state: EscrowState, mark: Mark, i: EscrowCommands['amend']): void {
  moveEscrow(state, 'amend');
  state.amendment = {
    id: i.amendmentId,
    by: i.principal.id,
    role: i.principal.role,
    terms: i.terms,
    termsHash: i.termsHash,
    consents: [i.principal.id],
    until: Date.now() + state.terms.policy.amendMs,
  };
  mark.head();
  mark.event('amendment.proposed', person(i.principal), null, {
    amendment_id: i.amendmentId,
    version: i.terms.version,
    terms_hash: i.termsHash,
  });
}

/** Both sides' parties, of the old terms and of the new ones. */
export const signatories = (state: EscrowState): string[] => [
  ...new Set([...partiesOf(state.terms), ...partiesOf(state.amendment!.terms)]),
];

export function signAmendment(state: EscrowState, mark: Mark, i: EscrowCommands['signAmendment']): void {
  const amendment = state.amendment!;
  amendment.consents.push(i.principal.id);
  mark.head();
  mark.event('amendment.signed', person(i.principal), null, { amendment_id: amendment.id });
  if (signatories(state).every((id) => amendment.consents.includes(id))) apply(state, mark);
  else moveEscrow(state, 'sign_amendment', 'amending');
}

export function rejectAmendment(state: EscrowState, mark: Mark, i: EscrowCommands['rejectAmendment']): void {
  end(state, mark, 'reject_amendment');
  mark.event('amendment.rejected', person(i.principal), null, { amendment_id: i.amendmentId });
}

export function lapseAmendment(state: EscrowState, mark: Mark): void {
  const { id } = state.amendment!;
  end(state, mark, 'lapse_amendment');
  mark.event('amendment.lapsed', TIMER, null, { amendment_id: id });
}

function end(state: EscrowState, mark: Mark, move: 'reject_amendment' | 'lapse_amendment' | 'sign_amendment'): void {
  moveEscrow(state, move, 'active');
  state.amendment = null;
  mark.head();
}

/** The validator asked planAmendment just now, so it fits; refunds start by themselves, additions wait for their payment. */
function apply(state: EscrowState, mark: Mark): void {
  const { terms, termsHash, id } = state.amendment!;
  const changes = planAmendment(state, terms);
  if (typeof changes === 'string') throw new Error(changes);
  for (const c of changes) {
    const m = c.milestone;
    switch (c.kind) {
      case 'drop_unfunded':
        moveMilestone(m, 'give_up');
        break;
      case 'refund_all':
        askRefund(state, mark, m, c.refund, `amendment ${id}`, null, PLATFORM);
        break;
      case 'refund_part':
        addRefund(state, m, c.refund, `amendment ${id}`, null, m.status);
        break;
      case 'new_amount':
        m.amount = c.terms!.amount;
        break;
      case 'keep':
        break;
    }
    if (c.terms) renew(m, c.terms);
    mark.milestone(m);
  }
  state.terms = terms;
  state.termsHash = termsHash;
  for (const t of terms.milestones) {
    if (state.milestones.some((m) => m.id === t.id)) continue;
    const m = plannedMilestone(t);
    state.milestones.push(m);
    moveMilestone(m, 'await_funding');
    m.fundBy = fundBy(state, m, Date.now());
    mark.milestone(m);
  }
  end(state, mark, 'sign_amendment');
  mark.event('amendment.applied', PLATFORM, null, { amendment_id: id, version: terms.version, terms_hash: termsHash });
}

function renew(m: MilestoneState, t: EscrowState['terms']['milestones'][number]): void {
  m.title = t.title;
  m.startsAt = t.startsAt === null ? null : Date.parse(t.startsAt);
  m.dueAt = t.dueAt === null ? null : Date.parse(t.dueAt);
  m.inspectionMs = t.inspectionMs;
  if (m.status === 'overdue' && (m.dueAt === null || m.dueAt > Date.now())) {
    moveMilestone(m, 'new_due_date', m.startedAt === null ? 'funded' : 'started');
  }
}
