// What the buyer is owed when a refund comes back after its escrow has ended: tried again by itself where that may help, by
// ops at any time, and before ops again each week until the buyer has the money, by Stripe or by bank transfer.
import { ActivityFailure, allHandlersFinished, ApplicationFailure, CancellationScope, condition, defineQuery, defineSignal, defineUpdate, proxyActivities, setCurrentDetails, setHandler } from '@temporalio/workflow'; // prettier-ignore
import type { Activities } from '../activities/contract.ts';
import { plainMoney } from '../domain/money.ts';
import { FAILED_REFUND_QUERIES, FAILED_REFUND_SIGNALS, FAILED_REFUND_UPDATES, type FailedRefundInput, type FailedRefundWord } from './failed-refund-messages.ts'; // prettier-ignore
import { REFUSED } from './messages.ts';
import { money } from './proxies.ts';

const books = proxyActivities<Activities>({
  startToCloseTimeout: '30s',
  heartbeatTimeout: '5s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '5m' },
  summary: 'read the refund again',
});

const DAY_MS = 86_400_000;
/** Days after a failure at which it is tried again by itself; the last word is a person's. */
const TRIES_AFTER_DAYS = [1, 7];
/** The account is gone: the same refund would come back again. */
const HOPELESS = new Set(['expired_or_canceled_card', 'lost_or_stolen_card', 'charge_for_pending_refund_disputed']);
const REMIND_AFTER_MS = 7 * DAY_MS;
/** Events may get lost: a refund under way is read again. */
const READ_AGAIN_MS = DAY_MS;
const TRY_AGAIN_MS = 3_600_000;

interface Run {
  word: FailedRefundWord | null;
  news: boolean;
  /** Ops asked for an attempt that has not begun. */
  wanted: boolean;
  /** Attempts that ended without an answer of Stripe, or were refused at once. */
  unanswered: number;
  reminded: number;
}

const isOver = (word: FailedRefundWord | null): boolean => word?.status === 'repaid' || word?.status === 'paid_by_bank';

/** Temporal's own cancellation does nothing here: what is owed to a buyer is never dropped. */
export function failedRefund(input: FailedRefundInput): Promise<FailedRefundWord | null> {
  return CancellationScope.nonCancellable(() => live(input));
}

async function live(input: FailedRefundInput): Promise<FailedRefundWord | null> {
  const run: Run = { word: null, news: false, wanted: false, unanswered: 0, reminded: 0 };
  setHandler(defineSignal(FAILED_REFUND_SIGNALS.news), () => {
    run.news = true;
  });
  setHandler(defineQuery<FailedRefundWord | null>(FAILED_REFUND_QUERIES.word), () => run.word);
  setHandler(
    defineUpdate<FailedRefundWord | null>(FAILED_REFUND_UPDATES.retry),
    async () => {
      run.wanted = true;
      await condition(() => !run.wanted);
      return run.word;
    },
    {
      validator: () => {
        if (run.word?.status === 'owed' && !run.wanted) return;
        const message = 'This refund does not wait to be tried again: read it anew.';
        throw ApplicationFailure.create({ message, type: REFUSED, nonRetryable: true, details: [{ code: 'action_not_available', message }] }); // prettier-ignore
      },
    },
  );

  let again = false;
  for (;;) {
    run.news = false;
    const answered = await step(run, input, again);
    // What ops ask for while it is only read stays asked for, as long as something is owed.
    if (again || run.word?.status !== 'owed') run.wanted = false;
    show(run);
    if (isOver(run.word)) break;
    again = await untilNext(run, input, answered);
  }
  await condition(allHandlersFinished);
  return run.word;
}

/** Reads, or tries once more. An activity that gave up leaves it as it was: its key is used again. */
async function step(run: Run, { refundId, escrowId }: FailedRefundInput, again: boolean): Promise<boolean> {
  try {
    const line = run.word === null ? 'refund again' : `refund ${plainMoney(run.word.amount, run.word.currency)} again`;
    run.word = again ? await money(line).refundAgain(refundId) : await books.readFailedRefund(refundId);
    return true;
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    run.unanswered += 1;
    await books.raiseAlert({
      kind: 'refund_unknown',
      key: `refund_unknown:${refundId}:${run.unanswered}`,
      escrowId,
      detail: { refund_id: refundId, message: error.cause?.message ?? error.message },
    });
    return false;
  }
}

/** True: it is to be tried again; false: read again. */
async function untilNext(run: Run, input: FailedRefundInput, answered: boolean): Promise<boolean> {
  const word = run.word;
  if (!answered || word === null) {
    await condition(() => run.wanted || run.news, TRY_AGAIN_MS, { summary: 'asked again' });
    return run.wanted || word?.status === 'trying';
  }
  if (word.status === 'trying') {
    await condition(() => run.news, READ_AGAIN_MS, { summary: 'Stripe’s word' });
    return false;
  }
  const days = HOPELESS.has(word.code ?? '') ? undefined : TRIES_AFTER_DAYS[word.attempt - 1];
  const wait = days === undefined ? REMIND_AFTER_MS : days * DAY_MS;
  const summary = days === undefined ? 'ops are reminded' : 'tried again';
  const told = await condition(() => run.wanted || run.news, wait, { summary });
  if (told) return run.wanted;
  if (days !== undefined) return true;
  run.reminded += 1;
  await remind(input, word, run.reminded);
  return false;
}

function remind({ refundId, escrowId }: FailedRefundInput, word: FailedRefundWord, number: number): Promise<void> {
  const { amount, currency, attempt, code } = word;
  return books.raiseAlert({
    kind: 'refund_owed',
    key: `refund_owed:${refundId}:${attempt}:${number}`,
    escrowId,
    detail: {
      refund_id: refundId,
      amount,
      currency,
      attempts: attempt,
      code,
      what: 'Try it again, or pay the buyer by bank transfer.',
    },
  });
}

function show({ word }: Run): void {
  if (word === null) return;
  const sum = plainMoney(word.amount, word.currency);
  const lines: Record<FailedRefundWord['status'], string> = {
    owed: `The buyer is owed **${sum}**: the refund came back (${word.code}). Ops try it again or pay by bank transfer.`,
    trying: `The refund of **${sum}** is tried again (attempt ${word.attempt}).`,
    repaid: `The buyer has **${sum}**.`,
    paid_by_bank: `The buyer was paid **${sum}** by bank transfer.`,
  };
  setCurrentDetails(lines[word.status]);
}
