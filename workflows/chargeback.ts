// One card dispute, during and after its escrow: freezes what it is about, lets the sellers answer, sends our own pack when
// they do not, and when it is lost settles whose loss it is.
import {
  ActivityFailure,
  allHandlersFinished,
  ApplicationFailure,
  CancelledFailure,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  getExternalWorkflowHandle,
  log,
  proxyActivities,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import type { AlertKind } from '../domain/alerts.ts';
import { isFinal } from '../domain/chargeback.ts';
import type { DisputeWord } from '../activities/chargeback-contract.ts';
import type { PayAgainOrder, TakeBackOrder } from '../activities/recover-contract.ts';
import type { Activities } from '../activities/contract.ts';
import { escrowWorkflowId } from '../domain/ids.ts';
import { plainMoney } from '../domain/money.ts';
import type {
  ChargebackInput,
  ChargebackWord,
  DisputeSignal,
  OnDispute,
  StageEvidence,
} from './chargeback-messages.ts';
import { CHARGEBACK_QUERIES, CHARGEBACK_SIGNALS, CHARGEBACK_UPDATES } from './chargeback-messages.ts';
import { type CardDisputeSignal, REFUSED, SIGNALS } from './messages.ts';
import { money, undoing } from './proxies.ts';

const books = proxyActivities<Activities>({
  startToCloseTimeout: '30s',
  heartbeatTimeout: '5s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '5m' },
  summary: 'write down the dispute',
});

const DAY_MS = 86_400_000;
/** Events may get lost: a dispute that nobody speaks of is read again. */
const READ_AGAIN_MS = 7 * DAY_MS;

/**
 * A transfer or refund of the same money, under way when the dispute is lost, is looked at again: each minute for an hour, then each
 * hour, because a seller whom Stripe cannot pay again is waited for over months, and a history has its limit.
 */
const lookedAtAgainAfter = (looks: number): number => (looks < 60 ? 60_000 : 3_600_000);

interface MilestoneAmount {
  milestoneId: string;
  amount: number;
}

interface Run {
  word: DisputeWord | null;
  news: boolean;
  settled: boolean;
  accepted: string[];
  /** Released money that is taken back while the bank decides; null: the terms leave it with its sellers. */
  clawback: { round: number; done: Promise<PayAgainOrder[]> } | null;
  /** Transfers that pay sellers again, under way: nothing is taken back or divided meanwhile. */
  paying: number;
  /** Evidence is on its way to Stripe; nothing else may be sent meanwhile. */
  sending: boolean;
  /** The stage for which evidence was sent: it goes once, also where Stripe does not count it. */
  sent: string | null;
}

/** Evidence and acceptance are possible only now. */
const mayAnswer = (run: Run): boolean =>
  run.word !== null &&
  !run.settled &&
  !run.sending &&
  !run.word.submitted &&
  (run.word.phase === 'open' || run.word.phase === 'inquiry');

/** Our own pack goes a day before the last moment; where the bank gives little time, in its last quarter. */
function packAt(word: DisputeWord): number | null {
  if (word.dueAt === null) return null;
  return word.dueAt - Math.min(DAY_MS, Math.floor((word.dueAt - word.openedAt) / 4));
}

/** An inquiry and the chargeback after it take an answer each, and so does each round. */
const stageOf = (word: DisputeWord): string => `${word.phase}:${word.round ?? 1}`;

function answerUntil(word: DisputeWord): number | null {
  const pack = packAt(word);
  const theirs = word.openedAt + word.evidenceMs;
  return pack === null ? theirs : Math.min(theirs, pack);
}

const wordOf = (input: ChargebackInput, run: Run): ChargebackWord => ({
  disputeId: input.disputeId,
  status: run.word?.status ?? 'new',
  phase: run.settled ? 'settled' : (run.word?.phase ?? 'new'),
  until: run.word === null ? null : answerUntil(run.word),
  submitted: run.word?.submitted ?? false,
  accepted: [...run.accepted],
  sellers: run.word?.sellers ?? [],
});

export async function chargeback(input: ChargebackInput): Promise<ChargebackWord> {
  const run: Run = {
    word: null,
    news: false,
    settled: false,
    accepted: [],
    clawback: null,
    paying: 0,
    sending: false,
    sent: null,
  };
  setHandler(defineSignal<[DisputeSignal]>(CHARGEBACK_SIGNALS.stripeEvent), () => {
    run.news = true;
  });
  setHandler(defineQuery<ChargebackWord>(CHARGEBACK_QUERIES.word), () => wordOf(input, run));
  registerUpdates(input, run);

  let told: number | null = null;
  let ended: string | null = null;
  for (;;) {
    run.news = false;
    const word = await books.recordDispute(input.disputeId);
    run.word = word;
    const round = word.round ?? 1;
    show(run, word);
    // Opened is told also where it is closed already: the escrow ignores what it knows, and shows both.
    if (told !== round) await tellEscrow(input, { kind: 'opened', disputeId: input.disputeId, chargeId: word.chargeId, milestoneIds: word.frozen ?? word.named, round, ...(word.returned ? { returned: true } : {}) }); // prettier-ignore
    told = round;
    // Beside everything else: evidence is not to wait for it.
    if (word.clawsBack && run.clawback?.round !== round) run.clawback = { round, done: clawBack(input, run, round) };
    if (!isFinal(word.phase)) {
      run.settled = false;
      await untilNews(input, run, word);
      continue;
    }
    const end = `${word.phase}:${round}`;
    if (end !== ended) {
      const held = run.clawback === null ? [] : await run.clawback.done;
      run.clawback = null;
      if (word.phase === 'lost') await settle(input, run, round);
      else {
        await tellEscrow(input, { kind: 'lifted', disputeId: input.disputeId, round });
        payAgain(input, run, round, held);
      }
      ended = end;
    }
    run.settled = true;
    await condition(() => allHandlersFinished() && (run.news || run.paying === 0));
    // What came while the last step ran is read before it ends: money that Stripe moved after its word, or another word.
    if (!run.news) return wordOf(input, run);
  }
}

/** Waits for Stripe's next word; sends our own pack when its hour comes and nobody has answered. */
async function untilNews(input: ChargebackInput, run: Run, word: DisputeWord): Promise<void> {
  const pack = packAt(word);
  const answers = (word.phase === 'open' || word.phase === 'inquiry') && !word.submitted;
  const until = answers ? answerUntil(word) : null;
  const sends = pack !== null && answers && run.sent !== stageOf(word) && (word.worthDefending || word.staged);
  if (!sends) {
    await condition(() => run.news, READ_AGAIN_MS, { summary: 'Stripe’s word' });
    return;
  }
  // What the sellers wrote goes when their time is over.
  const at = word.staged ? Math.min(until ?? pack, pack) : pack;
  if (await condition(() => run.news, Math.max(1, at - Date.now()), { summary: 'our own evidence is sent' })) return;
  await condition(() => !run.sending);
  if (!mayAnswer(run)) return;
  await send(input, run);
}

async function send(input: ChargebackInput, run: Run): Promise<void> {
  run.sending = true;
  try {
    await money(`submit evidence for ${input.disputeId}`).submitDisputeEvidence(input.disputeId);
    if (run.word !== null) {
      run.sent = stageOf(run.word);
      run.word = { ...run.word, submitted: true };
    }
    run.news = true;
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    await alert(input, 'dispute_evidence_failed', error);
  } finally {
    run.sending = false;
  }
}

/** Lost, accepted, or a bank debit that arrives final: unreleased money first, then reversals, then debts. */
async function settle(input: ChargebackInput, run: Run, round: number): Promise<void> {
  const { disputeId } = input;
  await condition(() => run.paying === 0);
  let plan = await books.planDisputeLoss(disputeId);
  for (let looks = 0; plan.waitsFor !== undefined; looks++) {
    run.news = false;
    await condition(() => run.news, lookedAtAgainAfter(looks), {
      summary: `${plan.waitsFor.join(', ')} come to their end`,
    });
    plan = await books.planDisputeLoss(disputeId);
  }
  const settled = await books.settleDisputeLoss(disputeId, await takeBack(input, plan.takeBacks));
  await tellEscrow(input, { kind: 'lost', disputeId, round, taken: plan.taken, refunded: plan.refunded, ...(plan.accepted ? { accepted: plan.accepted } : {}) }); // prettier-ignore
  await tellMilestones(input, 'fee_passed', round, settled?.fees ?? []);
  payAgain(input, run, round, plan.payAgain ?? []);
}

/** What each milestone's seller gave, in settlement currency. */
async function takeBack(input: ChargebackInput, orders: readonly TakeBackOrder[]): Promise<MilestoneAmount[]> {
  return Promise.all(
    orders.map(async (order) => {
      for (;;) {
        try {
          const summary = `take back ${plainMoney(order.amount, order.currency)} of ${order.milestoneId}`;
          return { milestoneId: order.milestoneId, amount: (await money(summary).takeBack(order)).reversed };
        } catch (error) {
          // Its outcome is not known: asked again until it is, never guessed.
          if (!(error instanceof ActivityFailure)) throw error;
          await alert(input, 'reversal_unknown', error);
          await condition(() => false, '1 hour', { summary: 'the reversal is tried again' });
        }
      }
    }),
  );
}

/**
 * By the terms: what was released is taken back, as far as its sellers' balances go, and held until the bank has decided. Answers
 * what is to be paid again when it decides for them.
 */
async function clawBack(input: ChargebackInput, run: Run, round: number): Promise<PayAgainOrder[]> {
  await condition(() => run.paying === 0);
  for (let looks = 0; ; looks++) {
    const plan = await books.planClawback({ disputeId: input.disputeId, round });
    if (plan.waitsFor === undefined) {
      const reversed = (await takeBack(input, plan.takeBacks)).filter((r) => r.amount > 0);
      await tellMilestones(input, 'clawed_back', round, reversed);
      return plan.takeBacks
        .filter((order) => reversed.some((r) => r.milestoneId === order.milestoneId))
        .map(({ amount: _wanted, ...subject }) => subject);
    }
    await condition(() => run.word !== null && isFinal(run.word.phase), lookedAtAgainAfter(looks), {
      summary: `${plan.waitsFor.join(', ')} come to their end`,
    });
  }
}

/** Until it is done: the money is the sellers'. One whom Stripe cannot pay keeps no other waiting, nor the bank's next word. */
function payAgain(input: ChargebackInput, run: Run, round: number, orders: readonly PayAgainOrder[]): void {
  for (const order of orders) {
    run.paying += 1;
    void (async () => {
      const { paid } = await undoing.payAgain(order);
      await tellMilestones(input, 'paid_again', round, [{ milestoneId: order.milestoneId, amount: paid }]);
      run.paying -= 1;
    })();
  }
}

/** On the escrow's timeline; where its workflow has ended, by the database. */
async function tellMilestones(
  input: ChargebackInput,
  kind: 'clawed_back' | 'paid_again' | 'fee_passed',
  round: number,
  milestones: MilestoneAmount[],
): Promise<void> {
  if (milestones.length === 0) return;
  if (await tellEscrow(input, { kind, disputeId: input.disputeId, round, milestones })) return;
  await books.noteClawback({ ...input, round, type: `card_dispute.${kind}`, milestones });
}

function registerUpdates(input: ChargebackInput, run: Run): void {
  const refuse = (message: string): never => {
    throw ApplicationFailure.create({ message, type: REFUSED, nonRetryable: true, details: [{ code: 'action_not_available', message }] }); // prettier-ignore
  };
  const check = (by: OnDispute['by']): void => {
    if (!mayAnswer(run)) refuse('This dispute takes no answer now.');
    if (by.role !== 'ops' && !run.word!.sellers.includes(by.id)) refuse('This dispute is about other sellers.');
  };
  setHandler(
    defineUpdate<ChargebackWord, [StageEvidence]>(CHARGEBACK_UPDATES.stage),
    async ({ by, text, files }) => {
      run.sending = true;
      try {
        await money(`stage evidence for ${input.disputeId}`).stageDisputeEvidence({ disputeId: input.disputeId, text, by: by.id, files }); // prettier-ignore
        run.word = { ...run.word!, staged: true };
        run.news = true;
      } finally {
        run.sending = false;
      }
      return wordOf(input, run);
    },
    { validator: ({ by }) => check(by) },
  );
  setHandler(
    defineUpdate<ChargebackWord, [OnDispute]>(CHARGEBACK_UPDATES.submit),
    async () => {
      await send(input, run);
      return wordOf(input, run);
    },
    { validator: ({ by }) => check(by) },
  );
  setHandler(
    defineUpdate<ChargebackWord, [OnDispute]>(CHARGEBACK_UPDATES.accept),
    async ({ by }) => {
      if (!run.accepted.includes(by.id)) run.accepted.push(by.id);
      // Every seller whose money it is, or ops: nobody accepts a loss for another.
      if (by.role !== 'ops' && !run.word!.sellers.every((id) => run.accepted.includes(id))) return wordOf(input, run);
      run.sending = true;
      try {
        await money(`accept the loss of ${input.disputeId}`).acceptDisputeLoss(input.disputeId);
        run.news = true;
      } finally {
        run.sending = false;
      }
      return wordOf(input, run);
    },
    { validator: ({ by }) => check(by) },
  );
}

async function alert(input: ChargebackInput, kind: AlertKind, error: ActivityFailure): Promise<void> {
  const message = error.cause?.message ?? error.message;
  await books.raiseAlert({ kind, key: `${kind}:${input.disputeId}`, escrowId: input.escrowId, detail: { dispute_id: input.disputeId, message } }); // prettier-ignore
}

/** While it runs; an escrow that has ended stays as it is. False: it has. */
async function tellEscrow(input: ChargebackInput, signal: CardDisputeSignal): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(escrowWorkflowId(input.escrowId)).signal(SIGNALS.cardDispute, signal);
    return true;
  } catch (error) {
    if (error instanceof CancelledFailure) throw error;
    log.debug('the escrow runs no more', { dispute: input.disputeId });
    return false;
  }
}

function show(run: Run, word: DisputeWord): void {
  const until = answerUntil(word);
  setCurrentDetails(
    [
      `### ${word.status}: ${plainMoney(word.amount, word.currency)}`,
      '',
      `- escrow \`${word.escrowId}\`, charge \`${word.chargeId}\``,
      `- milestones named: ${word.named.length === 0 ? 'none, so pro rata over the charge' : word.named.join(', ')}`,
      `- evidence: ${word.submitted ? 'submitted' : word.staged ? 'staged' : 'none'}`,
      ...(mayAnswer(run) && until !== null ? [`- **sellers answer until** ${new Date(until).toISOString()}`] : []),
    ].join('\n'),
  );
}
