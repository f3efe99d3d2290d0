// The escrow: one durable workflow from agreement to the last transfer. It reads like the contract: agreed, paid, delivered,
// accepted or let pass, released; what is not delivered goes back. What may happen is asked of domain/.
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { ESCROW_ENDS, type EscrowState, isEscrowEnd } from '../domain/escrow-state.ts';
import { escrowClock, milestoneClock } from './clocks.ts';
import { registerCommands, stateQuery } from './commands.ts';
import { payments } from './funding.ts';
import { milestoneMoney } from './payout.ts';
import { EscrowRun } from './run.ts';
import { registerSignals } from './signals.ts';

/** What a run starts with: nothing but the id at first, everything after continue-as-new. */
export interface EscrowInput {
  escrowId: string;
  carried?: {
    state: EscrowState;
    recent: string[];
    inbox: { payments: string[]; refunds: string[] };
  };
  /** Tests force continue-as-new after so many commands. */
  continueAfter?: number;
}

export interface EscrowEnd {
  escrowId: string;
  status: EscrowState['status'];
}

/** A start without its `create` (a caller that died between) does not stay open. */
const CREATION_WITHIN = '1 minute';

/**
 * Temporal's own cancellation does nothing here: money is never dropped in the middle. People cancel by the `cancel` command,
 * which gives back what is held.
 */
export function escrow(input: EscrowInput): Promise<EscrowEnd> {
  return CancellationScope.nonCancellable(() => live(input));
}

/** A coroutine pair for each milestone: those of the first terms, and those that amendments add. */
async function milestones(run: EscrowRun): Promise<void> {
  const running: Promise<void>[] = [];
  const over = () => isEscrowEnd(run.state.status);
  while (!over() && !run.handover) {
    for (const m of run.state.milestones.slice(running.length)) {
      running.push(Promise.all([milestoneClock(run, m), milestoneMoney(run, m)]).then(() => undefined));
    }
    await run.until(() => over() || run.state.milestones.length > running.length);
  }
  await Promise.all(running);
}

async function live(input: EscrowInput): Promise<EscrowEnd> {
  const birth: { run: EscrowRun | null } = { run: null };
  if (input.carried) {
    birth.run = new EscrowRun(input.carried.state, input.carried);
    birth.run.shownAlready();
  }
  const counts = registerCommands(birth);
  registerSignals(birth);
  setHandler(stateQuery, () => birth.run?.state ?? null);

  if (birth.run === null) {
    const created = await condition(() => birth.run !== null, CREATION_WITHIN, { summary: 'creation' });
    if (!created) return { escrowId: input.escrowId, status: 'expired' };
  }
  const run = birth.run!;

  const ended = () => ESCROW_ENDS.includes(run.state.status);
  const life = Promise.all([escrowClock(run), payments(run), run.outside(), milestones(run)]);
  const tooLong = () =>
    workflowInfo().continueAsNewSuggested ||
    (input.continueAfter !== undefined && counts.commands >= input.continueAfter);
  await condition(() => ended() || tooLong());
  if (!ended()) run.handover = true;
  await life;
  await condition(allHandlersFinished);
  if (!ended()) {
    await continueAsNew<typeof escrow>({
      ...input,
      carried: { state: run.state, recent: run.recent, inbox: run.inbox },
    });
  }
  return { escrowId: run.state.id, status: run.state.status };
}
