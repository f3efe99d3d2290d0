// What one reader must do next, or for whom they wait: the rules' sentences, turned to the person who reads them.
import { type EscrowRecord, principalOn, type Viewer } from '../db/escrows.ts';
import { afterRelease } from '../api/released-refunds.ts';
import {
  freezesOver,
  isEscrowEnd,
  isMilestoneEnd,
  type MilestoneState,
  type Principal,
} from '../domain/escrow-state.ts';
import { availableActions } from '../domain/transitions.ts';
import { milestoneWaiting, type Waiting } from '../domain/waiting.ts';
import { waitingOf } from '../api/escrow-view.ts';
import { ACTIONS, isPageAction, type PageAction } from './words.ts';

/** The one action that moves each status on, by whoever may. */
const MAIN: Partial<Record<MilestoneState['status'], PageAction>> = {
  funded: 'start',
  started: 'submit',
  changes_requested: 'submit',
  overdue: 'submit',
  submitted: 'accept',
};

const IN_DISPUTE: readonly PageAction[] = ['reply', 'accept_offer', 'offer'];

export interface NextStep {
  waiting: Waiting;
  /** The reader is the one who acts. */
  yours: boolean;
  /** The main button; on a milestone where `milestoneId` is set. */
  action: PageAction | 'verify' | 'authenticate' | null;
  milestoneId: string | null;
}

export interface EscrowActions {
  escrow: PageAction[];
  milestones: Record<string, PageAction[]>;
}

/** As pages offer them: what moves the work on first, what ends it last. */
const ORDER = Object.keys(ACTIONS);
const inOrder = (actions: PageAction[]) => actions.sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));

/** True where it is this person whom the rules wait for. */
export function waitsFor({ state }: Pick<EscrowRecord, 'state'>, viewer: Viewer, waiting: Waiting): boolean {
  const principal = principalOn(state, viewer);
  if (principal === null) return false;
  if (waiting.who === 'buyer_and_seller') return principal.role !== 'ops' && !state.consents.includes(principal.id);
  if (waiting.who !== principal.role) return false;
  const m = state.milestones.find((each) => each.id === waiting.milestone_id);
  return waiting.who !== 'seller' || m === undefined || m.sellerId === principal.id;
}

export function actionsFor(record: EscrowRecord, viewer: Viewer, now: number): EscrowActions {
  const principal = principalOn(record.state, viewer);
  if (principal === null) return { escrow: [], milestones: {} };
  const all = availableActions(record.state, principal, now);
  const milestones = Object.entries(all.milestones).map(
    ([id, actions]) => [id, inOrder(actions.filter(isPageAction))] as const,
  );
  const escrow = all.escrow.filter(isPageAction);
  const offered = Object.fromEntries(milestones);
  // Money that was released can be asked back, also after the escrow's end: a workflow of its own, not a state of this one.
  for (const m of record.state.milestones) {
    if (mayAskBack(record, principal, m)) (offered[m.id] ??= []).push('refund');
  }
  return { escrow: inOrder(escrow), milestones: offered };
}

function mayAskBack({ state, recoveries }: EscrowRecord, principal: Principal, m: MilestoneState): boolean {
  if (!afterRelease(m) || freezesOver(state, m).length > 0) return false;
  if (principal.role === 'seller' && m.sellerId !== principal.id) return false;
  const its = recoveries.filter((r) => r.milestone_id === m.id);
  if (its.some((r) => r.status === 'asked')) return its.some((r) => r.asked_role !== principal.role);
  const given = its.filter((r) => r.status !== 'undone').reduce((sum, r) => sum + r.amount, 0);
  const released = m.releases.filter((r) => r.status === 'released').reduce((sum, r) => sum + r.amount, 0);
  return released > given;
}

/** The reader's own most urgent step, else what everybody waits for. */
export function nextStep(record: EscrowRecord, viewer: Viewer, now: number): NextStep {
  const { state } = record;
  const actions = actionsFor(record, viewer, now);
  const overall = waitingOf(record);
  const whole =
    ['proposed', 'settling'].includes(state.status) ||
    isEscrowEnd(state.status) ||
    state.cancelRequest ||
    state.amendment;
  const open = state.milestones.filter((m) => !isMilestoneEnd(m.status));
  const all = whole ? [overall] : open.map((m) => milestoneWaiting(state, m));
  const mine = all
    .filter((w) => waitsFor(record, viewer, w))
    .sort((a, b) => (a.until ?? '9999').localeCompare(b.until ?? '9999'))[0];
  const waiting = mine ?? overall;
  const m = state.milestones.find((each) => each.id === waiting.milestone_id);
  if (mine === undefined) return { waiting, yours: false, action: null, milestoneId: m?.id ?? null };
  return { waiting, yours: true, ...mainAction(state.cancelRequest !== null, m, actions) };
}

function mainAction(
  cancelAsked: boolean,
  m: MilestoneState | undefined,
  actions: EscrowActions,
): Pick<NextStep, 'action' | 'milestoneId'> {
  const ofEscrow = (action: PageAction) => ({
    action: actions.escrow.includes(action) ? action : null,
    milestoneId: null,
  });
  if (actions.escrow.includes('unfreeze')) return ofEscrow('unfreeze');
  if (cancelAsked) return ofEscrow('cancel');
  if (m === undefined) return ofEscrow(actions.escrow.includes('sign_amendment') ? 'sign_amendment' : 'agree');
  const own = actions.milestones[m.id] ?? [];
  if (m.refundRequest !== null) return { action: own.includes('refund') ? 'refund' : null, milestoneId: m.id };
  if (m.status === 'planned') return ofEscrow('agree');
  if (m.status === 'awaiting_funding') return { ...ofEscrow('fund'), milestoneId: m.id };
  if (m.status === 'requires_action') return { action: 'authenticate', milestoneId: m.id };
  if (m.status === 'blocked_kyc') return { action: 'verify', milestoneId: m.id };
  const main = m.status === 'disputed' ? IN_DISPUTE.find((action) => own.includes(action)) : MAIN[m.status];
  return { action: main !== undefined && own.includes(main) ? main : null, milestoneId: m.id };
}

export type ListGroup = 'needs-you' | 'waiting' | 'done';

export function groupOf(record: EscrowRecord, step: NextStep): ListGroup {
  if (isEscrowEnd(record.state.status)) return 'done';
  return step.yours ? 'needs-you' : 'waiting';
}
