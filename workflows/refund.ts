// A refund of released money, during the escrow and after its end: confirmed by the other side, taken back from the seller,
// given to the buyer; and undone, last step first, where it fails.
import { ActivityFailure, allHandlersFinished, ApplicationFailure, CancelledFailure, CancellationScope, condition, defineQuery, defineSignal, defineUpdate, getExternalWorkflowHandle, log, proxyActivities, setCurrentDetails, setHandler } from '@temporalio/workflow'; // prettier-ignore
import type { Activities, RefundAnswer } from '../activities/contract.ts';
import type { RecoverySubject, ReleasedRefundOrder } from '../activities/recover-contract.ts';
import type { AlertKind } from '../domain/alerts.ts';
import { escrowWorkflowId } from '../domain/ids.ts';
import { plainMoney } from '../domain/money.ts';
import type { RecoveryPlan } from '../domain/recovery.ts';
import type { StripeSignal } from './messages.ts';
import { REFUSED, SIGNALS } from './messages.ts';
import { money, undoing } from './proxies.ts';
import type { AskReleasedRefund, ConfirmReleasedRefund, RecoveryWord, ReleasedRefundStatus, ReleasedRefundWord } from './refund-messages.ts'; // prettier-ignore
import { REFUND_QUERIES, REFUND_SIGNALS, REFUND_UPDATES } from './refund-messages.ts';

const books = proxyActivities<Activities>({
  startToCloseTimeout: '5s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

/** A start without its `ask` does not stay open. */
const ASKED_WITHIN = '1 minute';
/** Stripe's events tell of a pending refund; a lost one is made up for by reading again. */
const READ_AGAIN_AFTER = '1 day';
const TRY_AGAIN_AFTER = '1 hour';
/** Banks send refunds back for weeks. */
const MAY_FAIL_FOR = '45 days';

/** What Stripe spoke of and was not read again yet, and whether its last word was no success. */
type Told = Pick<ReleasedRefund, 'told' | 'sentBack'>;

type Phase = 'new' | 'deciding' | ReleasedRefundStatus;

class ReleasedRefund {
  phase: Phase = 'new';
  request: AskReleasedRefund | null = null;
  plan: RecoveryPlan | null = null;
  until: number | null = null;
  left: number | null = null;
  otherAsked = false;
  disputed: true | undefined = undefined;
  code: string | null = null;
  /** Stripe spoke of the refund, and it was not read again yet. */
  told = false;
  /** Stripe's last word of it that is no success. */
  sentBack = false;

  word(): ReleasedRefundWord {
    const { request, phase, until, left, otherAsked, code, disputed } = this;
    const status = phase === 'new' || phase === 'deciding' ? 'asked' : phase;
    return {
      refundId: request!.refundId,
      status,
      amount: request!.amount,
      until,
      left,
      otherAsked,
      code,
      ...(disputed ? { disputed } : {}),
    };
  }

  get decided(): boolean {
    return this.phase !== 'new' && this.phase !== 'deciding';
  }

  /** Ops decide alone; anybody else waits for the other side. The state is claimed before the first await. */
  async ask(request: AskReleasedRefund): Promise<ReleasedRefundWord> {
    if (this.request === null) {
      this.request = request;
      this.phase = 'deciding';
      if (request.by.role === 'ops') await this.reserve();
      else await this.question(request);
    }
    await condition(() => this.decided);
    return this.word();
  }

  private async question(request: AskReleasedRefund): Promise<void> {
    const expiresAt = Date.now() + request.confirmMs;
    const answer = await books.askRecovery({ ...request, expiresAt });
    this.left = answer.left;
    this.otherAsked = answer.asked;
    this.disputed = answer.disputed;
    if (answer.outcome === 'asked') this.until = expiresAt;
    this.phase = answer.outcome;
  }

  mayConfirm(confirm: ConfirmReleasedRefund): string | null {
    if (this.request === null || this.phase !== 'asked') return 'This refund does not wait for an answer any more.';
    if (confirm.by.role === this.request.by.role) return 'You have asked for this refund; the other side has not answered yet.'; // prettier-ignore
    return null;
  }

  async confirm(): Promise<ReleasedRefundWord> {
    this.phase = 'deciding';
    this.until = null;
    await this.reserve();
    return this.word();
  }

  private async reserve(): Promise<void> {
    const answer = await books.reserveRecovery(this.request!);
    if (answer.outcome === 'reserved') this.plan = answer.plan;
    else {
      this.left = answer.left;
      this.disputed = answer.disputed;
    }
    this.phase = answer.outcome === 'reserved' ? 'running' : 'refused';
  }
}

const askUpdate = defineUpdate<ReleasedRefundWord, [AskReleasedRefund]>(REFUND_UPDATES.ask);
const confirmUpdate = defineUpdate<ReleasedRefundWord, [ConfirmReleasedRefund]>(REFUND_UPDATES.confirm);
const stripeSignal = defineSignal<[StripeSignal]>(REFUND_SIGNALS.stripeEvent);
const stateQuery = defineQuery<ReleasedRefundWord | null>(REFUND_QUERIES.state);

/** Temporal's own cancellation does nothing here: money is never dropped in the middle. */
export function refund(input: { refundId: string }): Promise<ReleasedRefundWord | null> {
  return CancellationScope.nonCancellable(() => live(input.refundId));
}

async function live(refundId: string): Promise<ReleasedRefundWord | null> {
  const run = new ReleasedRefund();
  // No validator: a refused one would leave a started workflow behind.
  setHandler(askUpdate, (request) => run.ask(request));
  setHandler(confirmUpdate, () => run.confirm(), {
    validator: (confirm) => {
      const message = run.mayConfirm(confirm);
      if (message === null) return;
      throw ApplicationFailure.create({ message, type: REFUSED, nonRetryable: true, details: [{ code: 'action_not_available', message }] }); // prettier-ignore
    },
  });
  setHandler(stripeSignal, ({ status }) => {
    run.told = true;
    run.sentBack = status !== 'succeeded';
  });
  setHandler(stateQuery, () => (run.request === null ? null : run.word()));

  if (!(await condition(() => run.request !== null, ASKED_WITHIN, { summary: 'the request' }))) return null;
  await condition(() => run.decided);
  if (run.phase === 'asked') await confirmed(run, refundId);
  if (run.phase === 'running') await recover(run);
  setCurrentDetails(`Refund of released money: **${run.phase}**`);
  await condition(allHandlersFinished);
  return run.word();
}

/**
 * The bank sent a refund back after its workflow had ended: read again, undone as a younger one is, and its seller paid again.
 * The undoing opens the way for another refund of the same money.
 */
export function refundSentBack({ refundId }: { refundId: string }): Promise<'undone' | 'refunded'> {
  return CancellationScope.nonCancellable(async () => {
    const run: Told = { told: false, sentBack: true };
    setHandler(stripeSignal, () => {
      run.told = true;
    });
    const made = await books.refundAsReleased(refundId);
    if (made === null) return 'undone';
    const { order, amount } = made;
    const answer = await refunded(run, order, 'recordReleasedRefund');
    if (answer.outcome === 'succeeded') return 'refunded';
    await undoing.payAgain({ recoveryId: refundId, escrowId: order.escrowId, milestoneId: order.milestoneId, sellerId: order.sellerId, chargeId: order.chargeId, currency: order.settlementCurrency }); // prettier-ignore
    setCurrentDetails(`Refund of released money: **undone**, sent back by the bank (${answer.code ?? answer.outcome})`);
    await tellEscrow({ ...order, amount }, { status: 'released' });
    return 'undone';
  });
}

/** Waits for the other side; nothing happens where it lets the time pass. */
async function confirmed(run: ReleasedRefund, refundId: string): Promise<void> {
  const { amount, currency } = run.request!;
  setCurrentDetails(`Refund of ${plainMoney(amount, currency)} of released money: waits for the other side`);
  await condition(() => run.phase !== 'asked', run.request!.confirmMs, { summary: 'the other side confirms' });
  if (run.phase === 'asked') {
    run.phase = 'lapsed';
    await books.lapseRecovery(refundId);
  }
  await condition(() => run.decided);
}

/** Takes it from the seller, gives it to the buyer. Each compensation is pushed before the call that it undoes. */
async function recover(run: ReleasedRefund): Promise<void> {
  const request = run.request!;
  const plan = run.plan!;
  const subject: RecoverySubject = {
    recoveryId: request.refundId,
    escrowId: request.escrowId,
    milestoneId: request.milestoneId,
    sellerId: request.sellerId,
    chargeId: request.chargeId,
    currency: request.settlementCurrency,
  };
  const compensations: (() => Promise<unknown>)[] = [];
  setCurrentDetails(`Refund of ${plainMoney(plan.chargeAmount, request.currency)} of released money: under way`);
  await tellEscrow(request, { status: 'recovering', left: plan.left });
  const attempted = await attempt(run, subject, compensations);
  if (attempted.failure === null) {
    run.phase = 'refunded';
    await tellEscrow(request, { status: 'refunded', left: plan.left });
    attempted.failure = await failedLater(run, attempted.order!);
    if (attempted.failure === null) return;
  }
  run.code = attempted.failure;
  for (const undo of compensations.reverse()) await undo();
  run.phase = 'undone';
  await tellEscrow(request, { status: 'released', left: plan.left + plan.amount });
}

/** A refund that succeeded may come back from the bank: null when it did not. */
async function failedLater(run: ReleasedRefund, order: ReleasedRefundOrder): Promise<string | null> {
  while (await condition(() => run.sentBack, MAY_FAIL_FOR, { summary: 'the bank may send it back' })) {
    const answer = await refunded(run, order, 'recordReleasedRefund');
    if (answer.outcome !== 'succeeded') return answer.code ?? answer.outcome;
  }
  return null;
}

interface Attempt {
  failure: string | null;
  /** Null where the reversal itself had no outcome, which is a failure. */
  order: ReleasedRefundOrder | null;
}

/** No failure: the buyer has the money. */
async function attempt(
  run: ReleasedRefund,
  subject: RecoverySubject,
  compensations: (() => Promise<unknown>)[],
): Promise<Attempt> {
  const request = run.request!;
  const plan = run.plan!;
  compensations.push(() => undoing.payAgain(subject));
  let taken: { reversed: number; shortfall: number };
  try {
    const summary = `take back ${plainMoney(plan.fromSeller, subject.currency)} of ${subject.milestoneId}`;
    taken = await money(summary).takeBack({ ...subject, amount: plan.fromSeller });
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    await alert(request, 'reversal_unknown', error);
    return { failure: 'reversal_unknown', order: null };
  }
  const order: ReleasedRefundOrder = {
    escrowId: request.escrowId,
    refundId: request.refundId,
    generation: 1,
    paymentId: request.paymentId,
    paymentIntentId: request.paymentIntentId,
    chargeId: request.chargeId,
    amount: plan.chargeAmount,
    currency: request.currency,
    settlementCurrency: request.settlementCurrency,
    reason: request.reason,
    milestoneId: request.milestoneId,
    sellerId: request.sellerId,
    ...taken,
    feeReturned: plan.feeReturned,
  };
  const answer = await refunded(run, order, 'refundReleased');
  return { failure: answer.outcome === 'succeeded' ? null : (answer.code ?? answer.outcome), order };
}

/** Until Stripe says that it succeeded or failed. An outcome that stays unknown is asked for again, never guessed. */
async function refunded(
  run: Told,
  order: ReleasedRefundOrder,
  first: 'refundReleased' | 'recordReleasedRefund',
): Promise<RefundAnswer> {
  const stripe = money(`refund ${plainMoney(order.amount, order.currency)} of ${order.milestoneId}`);
  let kind = first;
  for (;;) {
    // What is heard from here on is news: also what comes before this answer has been told to the escrow.
    run.told = false;
    run.sentBack = false;
    let wait: typeof READ_AGAIN_AFTER | typeof TRY_AGAIN_AFTER = READ_AGAIN_AFTER;
    try {
      const answer = await stripe[kind](order);
      if (answer.outcome !== 'pending') return answer;
      kind = 'recordReleasedRefund';
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      await alert(order, 'refund_unknown', error);
      wait = TRY_AGAIN_AFTER;
    }
    await condition(() => run.told, wait, { summary: 'Stripe’s word' });
  }
}

type Refunded = Pick<AskReleasedRefund, 'refundId' | 'escrowId' | 'milestoneId'>;

async function alert(of: Refunded, kind: AlertKind, error: ActivityFailure): Promise<void> {
  const { refundId, escrowId, milestoneId } = of;
  const message = error.cause?.message ?? error.message;
  await books.raiseAlert({ kind, key: `${kind}:${refundId}`, escrowId, detail: { refund_id: refundId, milestone_id: milestoneId, message } }); // prettier-ignore
}

/** The escrow shows it while it runs; one that has ended stays as it is. */
async function tellEscrow(
  request: Refunded & { amount: number },
  news: Pick<RecoveryWord, 'status' | 'left'>,
): Promise<void> {
  const { refundId, milestoneId, amount } = request;
  const word: RecoveryWord = { refundId, milestoneId, amount, ...news };
  try {
    await getExternalWorkflowHandle(escrowWorkflowId(request.escrowId)).signal(SIGNALS.recovery, word);
  } catch (error) {
    if (error instanceof CancelledFailure) throw error;
    log.debug('the escrow runs no more', { refund: refundId });
  }
}
