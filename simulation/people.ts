// What people do in a schedule: somebody, something that the table offers (or, sometimes, does not), with plausible arguments.
import { amendTerms, type AmendedMilestone } from '../domain/amendments.ts';
import { RuleError } from '../domain/errors.ts';
import { blockedAmount, type EscrowState, openAmount, type Principal, refundForBank } from '../domain/escrow-state.ts';
import { type Action, availableActions, isEscrowAction } from '../domain/transitions.ts';
import type { Chance } from './clock.ts';
import { contextOf } from './terms.ts';

export const BUYER: Principal = { id: 'usr_buyer', role: 'buyer' };
export const SELLERS: readonly Principal[] = [
  { id: 'usr_seller_1', role: 'seller' },
  { id: 'usr_seller_2', role: 'seller' },
];
export const OPS: Principal = { id: 'usr_ops', role: 'ops' };
export const AUDITOR: Principal = { id: 'usr_auditor', role: 'auditor' };
const PEOPLE: readonly Principal[] = [BUYER, BUYER, BUYER, ...SELLERS, ...SELLERS, OPS];

const ACTIONS: readonly Action[] = ['agree', 'fund', 'cancel', 'amend', 'sign_amendment', 'reject_amendment', 'start', 'submit', 'accept', 'request_changes', 'extend', 'refund', 'force_release', 'force_refund', 'dispute', 'reply', 'offer', 'accept_offer', 'escalate', 'rule', 'freeze', 'unfreeze']; // prettier-ignore

/** How readily somebody does what is offered; 1 where nothing is said. */
const READINESS: Partial<Record<Action, number>> = { cancel: 0.04, amend: 0.3, refund: 0.35, dispute: 0.4, freeze: 0.15, escalate: 0.4, reject_amendment: 0.4, extend: 0.5, request_changes: 0.6 }; // prettier-ignore

export interface PersonsCommand {
  name: string;
  argument: Record<string, unknown> & { commandId: string };
}

export const updateName = (action: Action): string =>
  action.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

/** What one of them does now, or null. `unique` names the objects that it creates. */
export function whatSomebodyDoes(
  state: EscrowState,
  chance: Chance,
  now: number,
  unique: number,
): PersonsCommand | null {
  const principal = chance.happens(0.02) ? AUDITOR : chance.of(PEOPLE);
  let action: Action;
  let milestoneId: string | null;
  // What its seller cannot receive stays so for weeks: ops look at it.
  const stuck = state.milestones.filter((m) => blockedAmount(m) > 0);
  if (stuck.length > 0 && chance.happens(0.1)) {
    return command(state, OPS, 'force_refund', chance.of(stuck).id, chance, now, unique);
  }
  const owed = state.milestones.filter((m) => refundForBank(m) !== null);
  if (owed.length > 0 && chance.happens(0.1)) {
    return command(state, OPS, 'refund_by_bank', chance.of(owed).id, chance, now, unique);
  }
  if (chance.happens(0.03)) {
    // Never offered: asked for as a forced decision, by two of ops.
    return command(
      state,
      OPS,
      chance.of(['force_release', 'force_refund'] as const),
      chance.of(state.milestones).id,
      chance,
      now,
      unique,
    );
  }
  if (chance.happens(0.2)) {
    action = chance.of(ACTIONS);
    // Most give up seldom: schedules that end before money moves show little.
    if (action === 'cancel' && !chance.happens(0.2)) action = 'accept';
    milestoneId = isEscrowAction(action) ? null : chance.of(state.milestones).id;
  } else {
    const offered = availableActions(state, principal, now);
    const all = [
      ...offered.escrow.map((a) => [a, null] as const),
      ...Object.entries(offered.milestones).flatMap(([id, actions]) => actions.map((a) => [a, id] as const)),
    ].filter(([a]) => chance.happens(READINESS[a] ?? 1));
    if (all.length === 0) return null;
    [action, milestoneId] = chance.of(all);
  }
  return command(state, principal, action, milestoneId, chance, now, unique);
}

export function command(
  state: EscrowState,
  principal: Principal,
  action: Action,
  milestoneId: string | null,
  chance: Chance,
  now: number,
  unique: number,
): PersonsCommand | null {
  const more = argumentsOf(state, action, milestoneId, chance, now, unique);
  if (more === null) return null;
  const head = { commandId: `cmd_${unique}`, principal, ...(milestoneId === null ? {} : { milestoneId }) };
  return { name: updateName(action), argument: { ...head, ...more } };
}

function argumentsOf(
  state: EscrowState,
  action: Action,
  milestoneId: string | null,
  chance: Chance,
  now: number,
  unique: number,
): Record<string, unknown> | null {
  const m = state.milestones.find((x) => x.id === milestoneId);
  const open = m ? Math.max(0, openAmount(m)) : 0;
  const part = () =>
    chance.happens(0.6) ? {} : { amount: chance.happens(0.1) ? open + 1 : 1 + chance.below(Math.max(1, open)) };
  const split = () => ({ sellerAmount: chance.of([0, open, chance.below(open + 1)]) });
  switch (action) {
    case 'agree':
      return chance.happens(0.05) ? { termsHash: 'another' } : {};
    case 'fund': {
      const method = chance.of([
        'card',
        'card',
        'card',
        'card_authentication',
        'card_authentication',
        'card_declined',
        'debit',
        undefined,
        'stripes_page',
        'stripes_page',
      ]);
      const named = state.terms.funding === 'per_milestone' && chance.happens(0.6) ? state.milestones.filter(() => chance.happens(0.6)).map((x) => x.id) : []; // prettier-ignore
      return {
        paymentId: `pay_${unique}`,
        ...(method === 'stripes_page' ? { checkout: true } : method ? { paymentMethod: method } : {}),
        ...(named.length > 0 ? { milestoneIds: named } : {}),
      };
    }
    case 'amend':
      return amendment(state, chance, now, unique);
    case 'sign_amendment':
    case 'reject_amendment':
      return { amendmentId: state.amendment?.id ?? 'amd_none' };
    case 'accept':
      return part();
    case 'request_changes':
      return { note: 'please change this' };
    case 'refund':
      return { refundId: `rfd_${unique}`, reason: 'not needed any more', ...part() };
    case 'refund_by_bank':
      return { refundId: `rfd_${unique}`, amount: m ? (refundForBank(m)?.amount ?? open) : 0, reason: 'Stripe refunds it no more', reference: `wire ${unique}`, approvalId: `apr_${unique}` }; // prettier-ignore
    case 'force_release':
      return { amount: open, reason: 'held too long' };
    case 'force_refund':
      return { refundId: `rfd_${unique}`, amount: m ? blockedAmount(m) : 0, reason: 'held too long' };
    case 'dispute':
      return { disputeId: `dsp_${unique}`, reason: 'not as agreed', ...part() };
    case 'reply':
      return { message: 'it is as agreed' };
    case 'offer':
      return split();
    case 'rule':
      return { ...split(), reason: 'ruled' };
    case 'freeze':
      return chance.happens(0.5) ? { scope: 'escrow', subject: state.id, reason: 'look' } : { scope: 'milestone', subject: chance.of(state.milestones).id, reason: 'look' }; // prettier-ignore
    case 'unfreeze': {
      const frozen = state.frozen.filter((f) => f.reason === 'ops');
      if (frozen.length === 0) return { scope: 'escrow', subject: state.id };
      const { scope, subject } = chance.of(frozen);
      return { scope, subject };
    }
    case 'cancel':
      return { reason: 'changed plans' };
    case 'start':
    case 'submit':
    case 'extend':
    case 'accept_offer':
    case 'escalate':
      return {};
  }
}

/** Some milestones less, dearer, cheaper or later; perhaps a new one. */
function amendment(state: EscrowState, chance: Chance, now: number, unique: number): Record<string, unknown> | null {
  const day = 86_400_000;
  const kept: AmendedMilestone[] = state.terms.milestones
    .filter(() => chance.happens(0.85))
    .map((m) => ({
      id: m.id,
      ...(chance.happens(0.4) ? { amount: Math.max(500, m.amount + chance.of([-300, -100, 200])) } : {}),
      ...(chance.happens(0.4) ? { due_at: new Date(now + (1 + chance.below(20)) * day).toISOString() } : {}),
    }));
  if (kept.length === 0 || chance.happens(0.3)) kept.push({ title: 'More work', amount: 700 + chance.below(500), seller_id: chance.of(SELLERS).id }); // prettier-ignore
  let added = 0;
  try {
    const terms = amendTerms(
      state,
      { milestones: kept },
      { ...contextOf(now), version: state.terms.version + 1 },
      () => `ms_${unique}x${++added}`,
    );
    return { amendmentId: `amd_${unique}`, terms, termsHash: `hash_${unique}` };
  } catch (error) {
    if (error instanceof RuleError) return null;
    throw error;
  }
}
