// What people ask of an escrow: one update each. The validator refuses what the table refuses, before anything is recorded;
// the handler claims its state before its first await, so that validator and claim are one step.
import { defineQuery, defineUpdate, setHandler } from '@temporalio/workflow';
import type { EscrowState, MilestoneState, Principal } from '../domain/escrow-state.ts';
import { isReview, openAmount, refundForBank, snapshotOf } from '../domain/escrow-state.ts';
import { partiesOf } from '../domain/terms.ts';
import { type ActionArguments, cancelsAlone, refundsAlone } from '../domain/guards.ts';
import { type Action, moveEscrow, moveMilestone, permit } from '../domain/transitions.ts';
import { acceptOffer, escalate, offerInDispute, openDispute, replyToDispute, rule } from './disputes.ts';
import { proposeAmendment, rejectAmendment, signAmendment } from './amendments.ts';
import { giveUp, returnHeld } from './ending.ts';
import { fund } from './fund.ts';
import type { CommandResult, EscrowCommandName, EscrowCommands, PaymentResult } from './messages.ts';
import { QUERIES } from './messages.ts';
import { acceptPart, addRefund, addRelease, askRefund, freeze, plannedMilestone, unfreeze, withdrawParts } from './moves.ts'; // prettier-ignore
import { refuse } from './refuse.ts';
import { EscrowRun, type Mark, person } from './run.ts';

export const stateQuery = defineQuery<EscrowState | null>(QUERIES.state);

/** Where the run will stand once its `create` has come. */
export interface Birth {
  run: EscrowRun | null;
}

const REMEMBERED = 20;

/** Sets every handler. Answers a count of commands, which bounds a run in tests. */
export function registerCommands(birth: Birth): { commands: number } {
  const counts = { commands: 0 };

  function on<N extends EscrowCommandName>(
    name: N,
    rule: (input: EscrowCommands[N]) => { action: Action; milestoneId: string | null; args: ActionArguments },
    work: (run: EscrowRun, input: EscrowCommands[N]) => Promise<PaymentResult | undefined> | void,
  ): void {
    setHandler(
      defineUpdate<CommandResult, [EscrowCommands[N]]>(name),
      async (input) => {
        const run = birth.run!;
        let payment: PaymentResult | undefined;
        if (!run.recent.includes(input.commandId)) {
          run.recent.push(input.commandId);
          if (run.recent.length > REMEMBERED) run.recent.shift();
          counts.commands += 1;
          payment = (await work(run, input)) ?? undefined;
        }
        return { snapshot: snapshotOf(run.state), ...(payment ? { payment } : {}) };
      },
      {
        validator: (input) => {
          if (birth.run === null) refuse({ code: 'action_not_available', message: 'This escrow does not exist yet.' });
          if (birth.run.recent.includes(input.commandId)) return;
          const { action, milestoneId, args } = rule(input);
          const no = permit(birth.run.state, action, input.principal, milestoneId, args, Date.now());
          if (no) refuse(no);
        },
      },
    );
  }

  // No validator: a refused one would leave a started workflow behind. Its terms were checked by the API.
  setHandler(defineUpdate<CommandResult, [EscrowCommands['create']]>('create'), (input) => {
    birth.run ??= propose(input);
    return { snapshot: snapshotOf(birth.run.state) };
  });

  on('agree', (i) => ({ action: 'agree', milestoneId: null, args: { termsHash: i.termsHash } }), agree);
  on('fund', (i) => ({ action: 'fund', milestoneId: null, args: { milestoneIds: i.milestoneIds } }), fund);
  on(
    'amend',
    () => ({ action: 'amend', milestoneId: null, args: {} }),
    (run, i) => run.change((state, mark) => proposeAmendment(state, mark, i)),
  );
  on(
    'signAmendment',
    (i) => ({ action: 'sign_amendment', milestoneId: null, args: { termsHash: i.termsHash } }),
    (run, i) => run.change((state, mark) => signAmendment(state, mark, i)),
  );
  on(
    'rejectAmendment',
    () => ({ action: 'reject_amendment', milestoneId: null, args: {} }),
    (run, i) => run.change((state, mark) => rejectAmendment(state, mark, i)),
  );
  on('cancel', () => ({ action: 'cancel', milestoneId: null, args: {} }), cancel);

  on(
    'start',
    (i) => ({ action: 'start', milestoneId: i.milestoneId, args: {} }),
    (run, i) =>
      run.change((_, mark) => {
        const m = run.milestone(i.milestoneId);
        moveMilestone(m, 'start');
        m.startedAt = Date.now();
        mark.milestone(m);
        mark.event('milestone.started', person(i.principal), m.id);
      }),
  );
  on('submit', (i) => ({ action: 'submit', milestoneId: i.milestoneId, args: {} }), submit);
  on(
    'accept',
    (i) => ({ action: 'accept', milestoneId: i.milestoneId, args: { amount: i.amount } }),
    (run, i) =>
      run.change((_, mark) => {
        const m = run.milestone(i.milestoneId);
        acceptPart(mark, m, i.amount ?? openAmount(m), person(i.principal));
      }),
  );
  on(
    'requestChanges',
    (i) => ({ action: 'request_changes', milestoneId: i.milestoneId, args: {} }),
    (run, i) =>
      run.change((_, mark) => {
        const m = run.milestone(i.milestoneId);
        moveMilestone(m, 'request_changes');
        m.inspection = null;
        m.rounds += 1;
        m.changesNote = i.note;
        mark.milestone(m);
        mark.event('milestone.changes_requested', person(i.principal), m.id, { note: i.note, round: m.rounds });
      }),
  );
  on(
    'extend',
    (i) => ({ action: 'extend', milestoneId: i.milestoneId, args: { until: i.until } }),
    (run, i) =>
      run.change((_, mark) => {
        const m = run.milestone(i.milestoneId);
        const inspection = m.inspection!;
        moveMilestone(m, 'extend');
        const until = i.until ?? inspection.endsAt + inspection.periodMs;
        m.inspection = { ...inspection, endsAt: until, remainingMs: until - Date.now(), extended: true, reminded: 0 };
        mark.milestone(m);
        mark.event('milestone.extended', person(i.principal), m.id, { until });
      }),
  );
  on('refund', (i) => ({ action: 'refund', milestoneId: i.milestoneId, args: { amount: i.amount } }), refund);

  on(
    'refundByBank',
    (i) => ({ action: 'refund_by_bank', milestoneId: i.milestoneId, args: { amount: i.amount } }),
    (run, i) =>
      run.change((state, mark) => {
        const m = run.milestone(i.milestoneId);
        const owed = refundForBank(m);
        if (owed === null) askRefund(state, mark, m, i.amount, i.reason, i.refundId, person(i.principal));
        moveMilestone(m, 'refund_by_bank', m.status);
        (owed ?? m.refunds.at(-1)!).bank = { reference: i.reference, approvalId: i.approvalId };
        mark.milestone(m);
      }),
  );

  on(
    'forceRelease',
    (i) => ({ action: 'force_release', milestoneId: i.milestoneId, args: { amount: i.amount, delivered: i.delivered } }), // prettier-ignore
    (run, i) =>
      run.change((_, mark) => {
        const m = run.milestone(i.milestoneId);
        moveMilestone(m, 'force_release');
        addRelease(m, openAmount(m), false);
        m.inspection = null;
        m.refundRequest = null;
        mark.milestone(m);
        mark.event('milestone.accepted', person(i.principal), m.id, {
          amount: i.amount,
          part: m.releases.length,
          reason: i.reason,
        });
      }),
  );

  on(
    'forceRefund',
    (i) => ({ action: 'force_refund', milestoneId: i.milestoneId, args: { amount: i.amount } }),
    (run, i) =>
      run.change((state, mark) => {
        const m = run.milestone(i.milestoneId);
        moveMilestone(m, 'force_refund');
        const withdrawn = withdrawParts(m);
        addRefund(state, m, openAmount(m), i.reason, i.refundId, 'refunding', withdrawn);
        mark.milestone(m);
        mark.event('refund.ordered', person(i.principal), m.id, { amount: i.amount, reason: i.reason });
      }),
  );

  const onDispute = <N extends 'dispute' | 'reply' | 'offer' | 'acceptOffer' | 'escalate' | 'rule'>(
    name: N,
    action: Action,
    args: (i: EscrowCommands[N]) => ActionArguments,
    work: (state: EscrowState, mark: Mark, m: MilestoneState, i: EscrowCommands[N]) => void,
  ) =>
    on(
      name,
      (i) => ({ action, milestoneId: i.milestoneId, args: args(i) }),
      (run, i) => run.change((state, mark) => work(state, mark, run.milestone(i.milestoneId), i)),
    );
  onDispute('dispute', 'dispute', (i) => ({ amount: i.amount }), openDispute);
  onDispute('reply', 'reply', () => ({}), replyToDispute);
  onDispute('offer', 'offer', (i) => ({ sellerAmount: i.sellerAmount }), offerInDispute);
  onDispute(
    'acceptOffer',
    'accept_offer',
    () => ({}),
    (state, mark, m, i) => acceptOffer(state, mark, m, i.principal),
  );
  onDispute(
    'escalate',
    'escalate',
    () => ({}),
    (state, mark, m, i) => escalate(state, mark, m, person(i.principal), 'escalate'),
  );
  onDispute('rule', 'rule', (i) => ({ sellerAmount: i.sellerAmount }), rule);

  on(
    'freeze',
    () => ({ action: 'freeze', milestoneId: null, args: {} }),
    (run, i) =>
      run.change((state, mark) => {
        freeze(state, mark, { reason: 'ops', scope: i.scope, subject: i.subject, detail: i.reason, since: Date.now() });
        mark.event('escrow.frozen', person(i.principal), i.scope === 'milestone' ? i.subject : null, {
          reason: i.reason,
        });
      }),
  );
  on(
    'unfreeze',
    () => ({ action: 'unfreeze', milestoneId: null, args: {} }),
    (run, i) =>
      run.change((state, mark) => {
        unfreeze(state, mark, (f) => f.reason === 'ops' && f.scope === i.scope && f.subject === i.subject);
        // Ops have looked: a warning over a charge and the review of a seller are cleared with their escrow.
        if (i.scope === 'escrow') unfreeze(state, mark, isReview);
        // What a cancellation could not give back is asked for again.
        if (state.ending !== null) returnHeld(state, mark, person(i.principal));
        mark.event('escrow.unfrozen', person(i.principal), i.scope === 'milestone' ? i.subject : null);
      }),
  );
  return counts;
}

function propose(input: EscrowCommands['create']): EscrowRun {
  const { terms, termsHash, principal } = input;
  const now = Date.now();
  const state: EscrowState = {
    id: terms.escrowId,
    terms,
    termsHash,
    settlementCurrency: null,
    status: 'proposed',
    revision: 0,
    headRevision: 0,
    createdAt: now,
    consents: [principal.id],
    agreeUntil: now + terms.policy.agreeMs,
    fundUntil: null,
    frozen: [],
    cardDisputes: [],
    milestones: terms.milestones.map((m) => plannedMilestone(m)),
    payments: [],
    cancelRequest: null,
    amendment: null,
    ending: null,
    events: [],
    eventSeq: 0,
  };
  const run = new EscrowRun(state, { recent: [input.commandId], inbox: { payments: [], refunds: [] } });
  run.change((s, mark) => {
    mark.head();
    for (const m of s.milestones) mark.milestone(m);
    mark.event('escrow.proposed', person(principal), null, { terms_hash: termsHash, version: terms.version });
  });
  return run;
}

function agree(run: EscrowRun, i: EscrowCommands['agree']): void {
  run.change((state, mark) => {
    state.consents.push(i.principal.id);
    mark.head();
    mark.event('escrow.agreed', person(i.principal), null, { terms_hash: state.termsHash });
    const complete = partiesOf(state.terms).every((id) => state.consents.includes(id));
    moveEscrow(state, 'agree', complete ? 'agreed' : 'proposed');
    if (!complete) return;
    state.fundUntil = Date.now() + state.terms.policy.fundMs;
    for (const m of state.milestones) {
      moveMilestone(m, 'await_funding');
      mark.milestone(m);
    }
  });
}

function cancel(run: EscrowRun, i: EscrowCommands['cancel']): void {
  run.change((state, mark) => {
    if (state.status !== 'active' || cancelsAlone(state, i.principal)) {
      giveUp(state, mark, 'cancelled', person(i.principal));
      return;
    }
    state.cancelRequest = request(i.principal, 0, i.reason ?? '', state.terms.policy.confirmMs);
    mark.head();
    mark.event('escrow.cancel_requested', person(i.principal), null, { until: state.cancelRequest.expiresAt });
  });
}

function submit(run: EscrowRun, i: EscrowCommands['submit']): void {
  run.change((_, mark) => {
    const m = run.milestone(i.milestoneId);
    const now = Date.now();
    moveMilestone(m, 'submit');
    const periodMs = m.inspectionMs;
    const since = Math.max(now, m.startsAt ?? now);
    m.submittedAt = now;
    m.note = i.note ?? null;
    m.deliverableSha256 = i.deliverableSha256 ?? null;
    m.changesNote = null;
    m.refundRequest = null;
    m.inspection = { periodMs, remainingMs: periodMs, since, endsAt: since + periodMs, reminded: 0, extended: false };
    mark.milestone(m);
    mark.event('milestone.submitted', person(i.principal), m.id, {
      deliverable_sha256: m.deliverableSha256,
      inspection_ends_at: m.inspection.endsAt,
    });
  });
}

function refund(run: EscrowRun, i: EscrowCommands['refund']): void {
  run.change((state, mark) => {
    const m = run.milestone(i.milestoneId);
    const amount = i.amount ?? m.refundRequest?.amount ?? openAmount(m);
    if (refundsAlone(m, i.principal)) {
      askRefund(state, mark, m, amount, i.reason, i.refundId, person(i.principal));
      return;
    }
    const patience = m.status === 'overdue' ? state.terms.policy.overdueMs : state.terms.policy.confirmMs;
    m.refundRequest = request(i.principal, amount, i.reason, patience);
    mark.milestone(m);
    mark.event('refund.requested', person(i.principal), m.id, { amount, until: m.refundRequest.expiresAt });
  });
}

const request = (by: Principal, amount: number, reason: string, patienceMs: number) => ({
  by: by.id,
  role: by.role,
  amount,
  reason,
  at: Date.now(),
  expiresAt: Date.now() + patienceMs,
});
