// One seed from beginning to end: chaos, then calm, then everybody does what is theirs to do, and then the invariants.
import {
  type EscrowState,
  isEscrowEnd,
  isMilestoneEnd,
  isReview,
  type MilestoneState,
  refundForBank,
  snapshotOf,
  standingParts,
} from '../domain/escrow-state.ts';
import { milestoneWaiting, waitingFor } from '../domain/waiting.ts';
import type { ReleasedRefundWord } from '../workflows/refund-messages.ts';
import type { Beside } from './beside.ts';
import type { Isolate } from './isolate.ts';
import { BUYER, command, OPS, type PersonsCommand } from './people.ts';
import { ALL_GUARDS, Broken, type Guards, type HeldMilestone } from './store.ts';
import { type Fault, FAULTS, World } from './world.ts';

export interface Tally {
  transitions: Record<string, number>;
  faults: Record<Fault, number>;
  ends: Record<string, number>;
  tasks: number;
  runs: number;
}

export const newTally = (rows: readonly string[]): Tally => ({
  transitions: Object.fromEntries(rows.map((name) => [name, 0])),
  faults: Object.fromEntries(FAULTS.map((name) => [name, 0])) as Record<Fault, number>,
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
  });
  try {
    world.live();
    world.calmDown();
    finish(world);
    world.tallyRefunds();
    const state = world.state();
    invariants(world, state);
    await isolate.settled();
    count(tally.ends, state.status);
    tally.tasks += world.tasks + [...world.besides.values()].reduce((sum, beside) => sum + beside.tasks, 0);
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
    // After a refund that failed no inspection runs any more: its buyer decides.
    if (m.status === 'submitted' && m.inspection === null) return by(BUYER, 'accept', m.id);
    if (m.status === 'awaiting_funding') return by(BUYER, 'cancel', null);
    if (milestoneWaiting(state, m).who === 'ops' && m.status === 'disputed') return by(OPS, 'rule', m.id);
  }
  return null;
}

const describe = (state: EscrowState): string =>
  `[${state.status}; ${state.milestones.map((m) => `${m.id} ${m.status} ${m.accepted}+${m.refunded} of ${m.amount} releases ${m.releases.map((r) => r.status).join(',')} refunds ${m.refunds.map((r) => r.status).join(',')}`).join('; ')}; frozen ${state.frozen.map((f) => `${f.reason} ${f.scope} ${f.detail}`).join(', ')}; payments ${state.payments.map((p) => `${p.status}/${p.returned}`).join(',')}]`;

const broken = (holds: boolean, what: string): void => {
  if (!holds) throw new Broken(what);
};

function invariants(world: World, state: EscrowState): void {
  const { store, stripe } = world;
  broken(isEscrowEnd(state.status), `ended as ${state.status}`);
  // No effect twice: one transfer for each part, one refund for each id, one charge for each payment.
  const twice = (ids: string[], what: string) => broken(new Set(ids).size === ids.length, `two ${what} for one: ${ids.join(' ')}`); // prettier-ignore
  twice(stripe.transfers.map((t) => t.transferId), 'transfers'); // prettier-ignore
  twice(stripe.refunds.map((r) => r.refundId), 'refunds'); // prettier-ignore
  twice([...stripe.intents.values()].filter((i) => i.status === 'succeeded').map((i) => i.paymentId), 'charges'); // prettier-ignore
  for (const [id, m] of store.milestones) {
    broken(m.funded + m.owed === m.held + m.feeUnearned + m.payable + m.transferred - m.takenBack + m.onHold + m.refunded + m.chargedBack + m.fees, `the money of ${id} does not add up: ${JSON.stringify(m)}`); // prettier-ignore
    broken(m.held + m.feeUnearned + m.payable + m.onHold === 0, `${id} ended with money left: ${JSON.stringify(m)}`);
    const sent = stripe.transfers.filter((t) => t.transferId.startsWith(`trf_${id.slice(3)}_`)).reduce((sum, t) => sum + t.amount, 0); // prettier-ignore
    broken(sent === m.transferred, `${id}: Stripe transferred ${sent}, the books say ${m.transferred}`);
    const reversed = stripe.reversals.filter((r) => r.milestoneId === id && !stripe.transfers.some((t) => t.transferId === againOf(r.recoveryId))); // prettier-ignore
    const back = reversed.reduce((sum, r) => sum + r.amount, 0);
    broken(back === m.takenBack, `${id}: Stripe took ${back} back, the books say ${m.takenBack}`);
    pieces(
      state.milestones.find((x) => x.id === id),
      id,
      m,
    );
  }
  for (const intent of stripe.intents.values()) {
    if (intent.status !== 'succeeded') continue;
    const charge = store.charges.get(intent.chargeId!);
    broken(charge !== undefined, `charge ${intent.chargeId} is not in the books`);
    const back = stripe.refunds.filter((r) => r.intentId === intent.id && r.status !== 'failed');
    if (!charge!.allocated) broken(back.reduce((sum, r) => sum + r.amount, 0) === intent.amount, `a late payment was not given back: ${JSON.stringify(charge)}`); // prettier-ignore
  }
  for (const [id, beside] of world.besides) refundEnded(world, id, beside);
  projection(store, state);
}

const againOf = (recoveryId: string): string => `trf_${recoveryId.slice(4)}_again`;

/** A refund of released money has ended, and Stripe's word of it is the workflow's. */
function refundEnded({ stripe }: World, workflowId: string, { over, result }: Beside): void {
  broken(over, `${workflowId} does not end`);
  const { refundId, status } = result as ReleasedRefundWord;
  broken(['refunded', 'undone', 'lapsed', 'refused'].includes(status), `${workflowId} ended ${status}`);
  const given = stripe.refunds.filter((r) => r.refundId === refundId && r.status !== 'failed').length;
  broken(given === (status === 'refunded' ? 1 : 0), `${workflowId} ended ${status}, and Stripe knows ${given} refunds of it`); // prettier-ignore
  const reversed = stripe.reversals.filter((r) => r.recoveryId === refundId).length;
  const again = stripe.transfers.filter((t) => t.transferId === againOf(refundId)).length;
  broken(status === 'refunded' ? again === 0 : again === reversed, `${workflowId} ended ${status} with ${reversed} reversals, ${again} of them paid again`); // prettier-ignore
}

/** The workflow's pieces of a milestone are what the books moved. */
function pieces(m: MilestoneState | undefined, id: string, booked: HeldMilestone): void {
  if (m === undefined) throw new Broken(`the books know ${id}, the workflow does not`);
  const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0);
  const live = standingParts(m);
  broken(sum(live.map((r) => r.payable)) === booked.transferred, `${id}: the workflow released ${sum(live.map((r) => r.payable))}, the books ${booked.transferred}`); // prettier-ignore
  broken(
    live.every((r) => r.status === 'released'),
    `${id} ended with a part ${live.map((r) => r.status).join(', ')}`,
  );
  const standing = m.refunds.filter((r) => r.status !== 'failed');
  const taken = sum(standing.map((r) => r.principal)) + sum(live.map((r) => r.principal));
  const gone = sum(m.releases.filter((r) => r.status === 'charged_back').map((r) => r.principal));
  broken(
    taken + gone === (m.funds?.principal ?? 0),
    `${id}: pieces of ${taken} and ${gone} do not make ${m.funds?.principal}`,
  );
  broken(
    m.accepted + m.refunded === m.amount,
    `${id}: ${m.accepted} accepted and ${m.refunded} refunded of ${m.amount}`,
  );
}

/** Nothing is in flight: the projection is the workflow's state. */
function projection(store: World['store'], state: EscrowState): void {
  const { milestones, events, revision, eventSeq, ...head } = snapshotOf(state);
  const { milestones: _m, events: _e, revision: _r, eventSeq: _s, ...shown } = store.head!;
  broken(JSON.stringify(head) === JSON.stringify(shown), `the projection's head differs: ${JSON.stringify(shown).slice(0, 900)} — ${JSON.stringify(head).slice(0, 900)}`); // prettier-ignore
  for (const m of milestones) {
    const known = store.projected.get(m.id);
    broken(JSON.stringify(known) === JSON.stringify(m), `the projection of ${m.id} differs: ${JSON.stringify(known)} — ${JSON.stringify(m)}`); // prettier-ignore
  }
  broken(events.every((e) => store.events.has(e.seq)), `events that are not projected: ${events.map((e) => e.type).join(' ')}`); // prettier-ignore
  broken(revision >= 0 && eventSeq >= 0, 'revisions rise');
}
