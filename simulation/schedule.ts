// One seed from beginning to end: chaos, then calm, then everybody does what is theirs to do, and then the invariants.
import { type EscrowState, isMilestoneEnd, isReview, refundForBank } from '../domain/escrow-state.ts';
import { milestoneWaiting, waitingFor } from '../domain/waiting.ts';
import { ALL_GUARDS, Broken, type Guards } from './books.ts';
import { BRANCHES, type Fault, FAULTS } from './faults.ts';
import { invariants } from './invariants.ts';
import type { Isolate } from './isolate.ts';
import { BUYER, command, OPS, type PersonsCommand } from './people.ts';
import { World } from './world.ts';

export interface Tally {
  transitions: Record<string, number>;
  faults: Record<Fault, number>;
  /** Of the workflows beside the escrow. */
  branches: Record<string, number>;
  ends: Record<string, number>;
  tasks: number;
  runs: number;
}

export const newTally = (rows: readonly string[]): Tally => ({
  transitions: Object.fromEntries(rows.map((name) => [name, 0])),
  faults: Object.fromEntries(FAULTS.map((name) => [name, 0])) as Record<Fault, number>,
  branches: Object.fromEntries(BRANCHES.map((name) => [name, 0])),
  ends: {},
  tasks: 0,
  runs: 0,
});

export class SeedFailed extends Error {
  override name = 'SeedFailed';
  readonly seed: number;

  constructor(seed: number, cause: unknown) {
    super(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.seed = seed;
  }
}

/** @throws SeedFailed */
export async function runSeed(
  isolate: Isolate,
  seed: number,
  tally: Tally,
  options: { guards?: Guards; tell?: (line: string) => void } = {},
): Promise<EscrowState> {
  const count = (into: Record<string, number>, name: string) => (into[name] = (into[name] ?? 0) + 1);
  const world = new World({
    seed,
    isolate,
    guards: options.guards ?? ALL_GUARDS,
    tell: options.tell ?? null,
    visited: (table, row) => count(tally.transitions, `${table}.${row}`),
    happened: (fault) => count(tally.faults, fault),
    went: (branch) => branch in tally.branches && count(tally.branches, branch),
  });
  try {
    world.live();
    world.calmDown();
    finish(world);
    world.besides.tally();
    const state = world.state();
    invariants(world, state);
    await isolate.settled();
    count(tally.ends, state.status);
    tally.tasks += world.tasks + world.besides.tasks;
    tally.runs += world.runs + 1;
    return state;
  } catch (error) {
    throw new SeedFailed(seed, error);
  } finally {
    world.dispose();
    // What a failed task left is its failure's.
    await isolate.settled().catch(() => {});
  }
}

const PERSONS = new Set(['buyer', 'seller', 'buyer_and_seller', 'ops', 'nobody']);

/** Nothing is due any more: whoever is waited for does it, until the escrow has ended. */
function finish(world: World): void {
  for (let round = 0; round < 60 && !world.over; round++) {
    const state = world.state();
    const who = waitingFor(state).who;
    if (!PERSONS.has(who)) throw new Broken(`nothing is due, and the escrow waits for ${who}: ${waitingFor(state).what} ${describe(state)}`); // prettier-ignore
    const next = diligence(world, state);
    if (next === null) throw new Broken(`nobody can do anything: ${waitingFor(state).what} ${describe(state)}`);
    world.give(next);
  }
  if (!world.over) throw new Broken(`the escrow does not end: ${describe(world.state())}`);
}

/** What brings the escrow on: ops lift what they froze, sellers deliver, and what nobody wants to end is ended by its timer. */
export function diligence(
  world: Pick<World, 'chance' | 'number'> & { clock: { now: number } },
  state: EscrowState,
): PersonsCommand | null {
  const { chance } = world;
  const by = (
    principal: Parameters<typeof command>[1],
    action: Parameters<typeof command>[2],
    milestoneId: string | null,
  ) => command(state, principal, action, milestoneId, chance, world.clock.now, world.number());
  if (state.frozen.some((f) => f.reason === 'ops' || isReview(f))) return by(OPS, 'unfreeze', null);
  const owed = state.milestones.find((m) => refundForBank(m) !== null);
  if (owed) return by(OPS, 'refund_by_bank', owed.id);
  for (const m of state.milestones.filter((x) => !isMilestoneEnd(x.status))) {
    const seller = { id: m.sellerId, role: 'seller' } as const;
    if (['funded', 'started', 'overdue', 'changes_requested'].includes(m.status)) return by(seller, 'submit', m.id);
    if (m.status === 'awaiting_funding') return by(BUYER, 'cancel', null);
    if (milestoneWaiting(state, m).who === 'ops' && m.status === 'disputed') return by(OPS, 'rule', m.id);
  }
  return null;
}

const describe = (state: EscrowState): string =>
  `[${state.status}; ${state.milestones.map((m) => `${m.id} ${m.status} ${m.accepted}+${m.refunded} of ${m.amount} releases ${m.releases.map((r) => r.status).join(',')} refunds ${m.refunds.map((r) => r.status).join(',')}`).join('; ')}; frozen ${state.frozen.map((f) => `${f.reason} ${f.scope} ${f.detail}`).join(', ')}; payments ${state.payments.map((p) => `${p.status}/${p.returned}`).join(',')}]`;
