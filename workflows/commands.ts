// What people ask of an escrow: one update each. The validator refuses what the table refuses, before anything is recorded;
// the handler claims its state before its first await, so that validator and claim are one step.
import {
  ApplicationFailure,
  CancellationScope,
  defineQuery,
  defineSignal,
  defineUpdate,
  setHandler,
} from '@temporalio/workflow';
import type { EscrowState, MilestoneState, PaymentState, Principal } from '../domain/escrow-state.ts';
import { isReview, openAmount, refundForBank, snapshotOf } from '../domain/escrow-state.ts';
import { chargeMinor, partiesOf } from '../domain/terms.ts';
import { toInteger } from '../domain/money.ts';
import { type ActionArguments, cancelsAlone, fundable, refundsAlone } from '../domain/guards.ts';
import { type Action, moveEscrow, moveMilestone, permit, type Refusal } from '../domain/transitions.ts';
import { acceptOffer, escalate, offerInDispute, openDispute, replyToDispute, rule } from './disputes.ts';
import { proposeAmendment, rejectAmendment, signAmendment } from './amendments.ts';
import { giveUp, returnHeld } from './ending.ts';
import { applyAnswer, MAY_CANCEL, orderFor, returnId, settled, readAgain, withdraw } from './funding.ts';
import type {
  CardDisputeSignal,
  CommandResult,
  EscrowCommandName,
  EscrowCommands,
  FraudWarningSignal,
  PaymentResult,
  RecoverySignal,
  RiskSignal,
  SellerSignal,
  StripeSignal,
} from './messages.ts';
import { QUERIES, REFUSED, SIGNALS } from './messages.ts';
import { acceptPart, addRefund, addRelease, askRefund, freeze, plannedMilestone, unblock, unfreeze, withdrawParts } from './moves.ts'; // prettier-ignore
import { cardDispute, fraudWarning, recovery } from './outside.ts';
import { money } from './proxies.ts';
import { review } from './review.ts';
import { EscrowRun, type Mark, person } from './run.ts';

export const stateQuery = defineQuery<EscrowState | null>(QUERIES.state);

/** Where the run will stand once its `create` has come. */
export interface Birth {
  run: EscrowRun | null;
}

const REMEMBERED = 20;

function refuse(refusal: Refusal): never {
  throw ApplicationFailure.create({ message: refusal.message, type: REFUSED, nonRetryable: true, details: [refusal] });
}

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

/** Webhooks, as the pump tells them. Handlers only note: the coroutines read Stripe again and act. */
export function registerSignals(birth: Birth): void {
  setHandler(defineSignal<[StripeSignal]>(SIGNALS.stripeEvent), (signal) => {
    const run = birth.run;
    if (run === null) return;
    if (signal.kind === 'refund') {
      if (signal.refundId !== null && isNews(run.state, signal.refundId, signal.status)) {
        reopenReturn(run.state, signal.refundId);
        run.inbox.refunds.push(signal.refundId);
      }
      return;
    }
    if (signal.kind === 'checkout_session') {
      const paid = run.state.payments.find((p) => p.id === signal.paymentId && p.checkout !== undefined);
      if (paid === undefined || paid.status === 'succeeded') return;
      paid.checkout!.sessionId ??= signal.sessionId;
      run.inbox.payments.push(signal.sessionId);
      return;
    }
    const payment = run.state.payments.find(
      (p) => p.id === signal.paymentId || p.paymentIntentId === signal.paymentIntentId,
    );
    if (!payment) return;
    // The webhook may be quicker than the answer to the call that made it.
    payment.paymentIntentId ??= signal.paymentIntentId;
    if (payment.status !== 'succeeded') run.inbox.payments.push(payment.paymentIntentId);
  });
  setHandler(defineSignal<[CardDisputeSignal]>(SIGNALS.cardDispute), (signal) => {
    const run = birth.run;
    if (run !== null) run.later((state, mark) => cardDispute(state, mark, signal));
  });
  setHandler(defineSignal<[FraudWarningSignal]>(SIGNALS.fraudWarning), (signal) => {
    const run = birth.run;
    if (run !== null) run.later((state, mark) => fraudWarning(state, mark, signal));
  });
  setHandler(defineSignal<[RiskSignal]>(SIGNALS.risk), (signal) => {
    const run = birth.run;
    if (run !== null && !run.state.risks?.includes(signal.key)) run.later((state, mark) => review(state, mark, signal));
  });
  setHandler(defineSignal<[RecoverySignal]>(SIGNALS.recovery), (signal) => {
    const run = birth.run;
    if (run !== null) run.later((state, mark) => recovery(state, mark, signal));
  });
  setHandler(defineSignal<[SellerSignal]>(SIGNALS.sellerChanged), (signal) => {
    const run = birth.run;
    if (run === null || signal.transfers !== 'active') return;
    run.activations.set(signal.sellerId, (run.activations.get(signal.sellerId) ?? 0) + 1);
    run.change((state, mark) => unblock(state, mark, signal.sellerId));
  });
}

/** A late payment that had gone back whole comes back from the bank: the escrow does not end before it is read again. */
function reopenReturn(state: EscrowState, refundId: string): void {
  const payment = state.payments.find((p) => returnId(p) === refundId && p.returned === 'succeeded');
  if (payment) payment.returned = 'pending';
}

/** A refund is read again when Stripe's word differs from ours; a success may be taken back days later. */
function isNews(state: EscrowState, refundId: string, status: string): boolean {
  const returned = state.payments.find((p) => returnId(p) === refundId)?.returned;
  if (returned === 'succeeded' && status !== 'failed' && status !== 'canceled') return false;
  const part = state.milestones.flatMap((m) => m.refunds).find((r) => r.id === refundId);
  if (part?.status === 'failed' || part?.status === status) return false;
  return part?.status !== 'succeeded' || status === 'failed' || status === 'canceled';
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

/** Temporal's own cancellation does nothing here either: a charge under way would be left half asked, and its payment busy. */
const fund = (run: EscrowRun, i: EscrowCommands['fund']): Promise<PaymentResult> =>
  CancellationScope.nonCancellable(() => pay(run, i));

async function pay(run: EscrowRun, i: EscrowCommands['fund']): Promise<PaymentResult> {
  const beside = openBeside(run, i);
  const there = begunOnStripesPage(run, i);
  if (beside.length + there.length > 0) {
    const chosen = chosenIds(run, i);
    await Promise.all([
      ...beside.map((p) => withdraw(run, p, covers(p, chosen))),
      ...there.map((p) => readAgain(run, p)),
    ]);
    // Time has passed: the table is asked again, and the claim follows without another await.
    const no = permit(run.state, 'fund', i.principal, null, { milestoneIds: i.milestoneIds }, Date.now());
    if (no) refuse(no);
    if (openBeside(run, i).length > 0) refuse({ code: 'action_not_available', message: 'Another payment for this is still open: try again in a moment.' }); // prettier-ignore
  }
  const payment = claimPayment(run, i);
  if (payment.status === 'requires_action') return resultOf(payment, null);
  // Without a method the buyer confirms an open PaymentIntent on the payment page, or pays on Stripe's: nothing to ask of it.
  const open = payment.checkout === undefined ? payment.paymentIntentId !== null : payment.checkout.sessionId !== null;
  if (open && i.paymentMethod === undefined) return resultOf(payment, null);
  payment.busy = true;
  const order = orderFor(run.state, payment, i.paymentMethod ?? null, i.returnUrl ?? null);
  const answer = await settled(money(`charge ${payment.id}`).createPayment(order));
  run.change((state, mark) => applyAnswer(state, mark, payment, answer, order.allocate));
  return resultOf(payment, answer);
}

/**
 * Open payments over some of these milestones and others, or to be paid another way: they must not be paid beside the new one,
 * so they are cancelled first.
 */
function openBeside(run: EscrowRun, i: EscrowCommands['fund']): PaymentState[] {
  const chosen = chosenIds(run, i);
  return run.state.payments.filter(
    (p) =>
      MAY_CANCEL.has(p.status) &&
      (!covers(p, chosen) || isAnotherWay(p, i)) &&
      p.milestoneIds.some((id) => chosen.includes(id)),
  );
}

/** A session ends by itself, and its webhook may be late: it is read before the buyer is led there again. */
function begunOnStripesPage(run: EscrowRun, i: EscrowCommands['fund']): PaymentState[] {
  const chosen = chosenIds(run, i);
  return run.state.payments.filter(
    (p) => MAY_CANCEL.has(p.status) && Boolean(p.checkout?.sessionId) && covers(p, chosen) && !isAnotherWay(p, i),
  );
}

const chosenIds = (run: EscrowRun, i: EscrowCommands['fund']): string[] =>
  fundable(run.state, i.milestoneIds).map((m) => m.id);

/** A PaymentIntent is not paid on Stripe's page, and a session takes no method of ours. */
function isAnotherWay(p: PaymentState, i: EscrowCommands['fund']): boolean {
  const there = p.checkout !== undefined;
  if (i.paymentMethod !== undefined) return there;
  return i.checkout !== undefined && i.checkout !== there;
}

const covers = (p: PaymentState, chosen: string[]): boolean =>
  p.milestoneIds.length === chosen.length && p.milestoneIds.every((id) => chosen.includes(id));

/** The open payment over exactly these milestones, or a new one; each attempt after a definite answer is a new generation. */
function claimPayment(run: EscrowRun, i: EscrowCommands['fund']): PaymentState {
  const { state } = run;
  const chosen = chosenIds(run, i);
  const open = state.payments.find((p) => covers(p, chosen) && !['succeeded', 'canceled'].includes(p.status));
  if (open) {
    if (open.status !== 'creating' && open.status !== 'requires_action') open.generation += 1;
    return open;
  }
  const amount = toInteger(chargeMinor(state.terms.milestones.filter((m) => chosen.includes(m.id))));
  const payment: PaymentState = {
    id: i.paymentId,
    milestoneIds: chosen,
    amount,
    status: 'creating',
    generation: 1,
    paymentIntentId: null,
    ...(i.checkout === true && i.paymentMethod === undefined ? { checkout: { sessionId: null } } : {}),
    chargeId: null,
    methodType: null,
    paidAt: null,
    declineCode: null,
    actionUntil: null,
    busy: false,
    abandoned: false,
    returned: null,
    returnGeneration: 1,
  };
  run.change((s, mark) => {
    s.payments.push(payment);
    moveEscrow(s, 'fund', s.status === 'active' || s.status === 'amending' ? s.status : 'funding');
    mark.head();
    mark.event('payment.created', person(i.principal), null, { payment_id: payment.id, amount });
  });
  return payment;
}

function resultOf(
  payment: PaymentState,
  answer: { status: string; declineCode: string | null; message: string | null } | null,
): PaymentResult {
  const declined = answer?.status === 'declined' || answer?.status === 'refused';
  return {
    id: payment.id,
    status: declined ? 'declined' : payment.status,
    paymentIntentId: payment.paymentIntentId,
    ...(payment.checkout === undefined ? {} : { checkoutSessionId: payment.checkout.sessionId }),
    declineCode: declined ? payment.declineCode : null,
    message: declined ? (answer?.message ?? null) : null,
  };
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
