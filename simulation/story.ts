// One seed's story as both engines can live it: one thing at a time, each with all that follows from it before the next. So the
// stand-in for Core and a real server must come to the same state after every step, not only at the end.
import type { EscrowState } from '../domain/escrow-state.ts';
import { SIGNALS } from '../workflows/messages.ts';
import { Chance } from './clock.ts';
import { BUYER, command, type PersonsCommand, SELLERS, whatSomebodyDoes } from './people.ts';
import { diligence } from './schedule.ts';
import { ALL_GUARDS } from './books.ts';
import { Store } from './store.ts';
import { type Intent, type Session, SimulatedStripe, type StripeRefund } from './stripe.ts';
import { termsOf } from './terms.ts';

/** An engine that runs the escrow's workflow. */
export interface Engine {
  /** Gives a command; answers why it was refused, or null. */
  update(id: string, command: PersonsCommand): Promise<string | null>;
  signal(name: string, argument: unknown): Promise<void>;
  /** When nothing is under way any more: the state as the workflow's query answers it. */
  settled(): Promise<EscrowState>;
  over(): Promise<boolean>;
}

/** What an engine's activities work on, and where the story begins. */
export interface Stage {
  escrowId: string;
  store: Store;
  stripe: SimulatedStripe;
  /** What Stripe has to tell and has not told yet. */
  news: (Intent | Session | StripeRefund)[];
  continueAfter: number | undefined;
}

export interface Step {
  what: string;
  state: unknown;
}

const STEPS = 14;

export function stageOf(seed: number, escrowId: string): Stage {
  const chance = new Chance(seed);
  const news: Stage['news'] = [];
  const stripe = new SimulatedStripe(chance, (of) =>
    news.push('intent' in of ? of.intent : 'session' in of ? of.session : of.refund),
  );
  // Nothing by chance inside: activities that run beside each other would draw in another order on a real server.
  stripe.calm = true;
  const store = new Store(stripe, ALL_GUARDS, chance.of([100, 91]));
  return { escrowId, store, stripe, news, continueAfter: chance.happens(0.5) ? 2 + chance.below(4) : undefined };
}

/** Lives the seed; `now` is only the date of the terms. Answers every step with the state after it, ids and times left out. */
export async function live(
  seed: number,
  { stripe, escrowId, news }: Stage,
  engine: Engine,
  now: number,
): Promise<Step[]> {
  const chance = new Chance(seed + 1);
  let unique = 0;
  const number = () => ++unique;
  const steps: Step[] = [];
  const told = async (what: string) => void steps.push({ what, state: comparable(await engine.settled()) });

  const give = async (given: PersonsCommand) => {
    const refused = await engine.update(`upd_${number()}`, given);
    await told(`${given.name}${refused === null ? '' : ' (refused)'}`);
  };
  /** Every word that Stripe has to say, some twice. */
  const hear = async () => {
    for (let word = next(news); word !== undefined; word = next(news)) {
      const signal = signalOf(word, `evt_${number()}`);
      await engine.signal(SIGNALS.stripeEvent, signal);
      if (chance.happens(0.3)) await engine.signal(SIGNALS.stripeEvent, signal);
      await told(`Stripe: ${signal.kind} ${signal.status}`);
    }
  };

  // No dates and no short periods: what time does would not fall between the same steps on both.
  const terms = termsOf(escrowId, BUYER.id, SELLERS.map((s) => s.id), chance, now); // prettier-ignore
  for (const m of terms.milestones) Object.assign(m, { startsAt: null, dueAt: null, inspectionMs: 14 * 86_400_000 });
  await give({ name: 'create', argument: { commandId: 'cmd_create', principal: BUYER, terms, termsHash: 'hash_1' } });
  for (let i = 0; i < STEPS && !(await engine.over()); i++) {
    const state = await engine.settled();
    if (chance.happens(0.15)) stripe.balanceShort = !stripe.balanceShort;
    const given = whatSomebodyDoes(state, chance, now, number()) ?? opening(state, chance, now, number());
    if (given !== null) await give(given);
    await hear();
  }
  stripe.balanceShort = false;
  for (let i = 0; i < 60 && !(await engine.over()); i++) {
    for (const session of stripe.sessions.values()) stripe.paySession(session, 'card');
    for (const intent of stripe.intents.values()) if (intent.status === 'processing') stripe.set(intent, 'succeeded');
    for (const refund of stripe.refunds) if (refund.status === 'pending') stripe.settleRefund(refund, 'succeeded');
    await hear();
    if (await engine.over()) break;
    const state = await engine.settled();
    const given = diligence({ chance, number, clock: { now } }, state) ?? opening(state, chance, now, number());
    // Whoever is left waits for a timer, which neither engine is asked to pass here.
    if (given === null) break;
    await give(given);
  }
  steps.push({ what: (await engine.over()) ? 'over' : 'waits for a timer', state: comparable(await engine.settled()) });
  return steps;
}

/** What brings a story on that would stand still: the missing signature, the payment, the buyer's yes. */
function opening(state: EscrowState, chance: Chance, now: number, unique: number): PersonsCommand | null {
  const unsigned = SELLERS.find((s) => state.terms.milestones.some((m) => m.sellerId === s.id) && !JSON.stringify(state.consents).includes(s.id)); // prettier-ignore
  if (state.status === 'proposed' && unsigned) return command(state, unsigned, 'agree', null, chance, now, unique);
  if (state.status === 'agreed') return command(state, BUYER, 'fund', null, chance, now, unique);
  const submitted = state.milestones.find((m) => m.status === 'submitted');
  if (submitted) return command(state, BUYER, 'accept', submitted.id, chance, now, unique);
  return null;
}

/** In an order of its own: activities beside each other tell in any. */
function next(news: Stage['news']): Stage['news'][number] | undefined {
  const nameOf = (word: Stage['news'][number]) => ('refundId' in word ? `r${word.refundId}` : `p${word.paymentId}`);
  news.sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  return news.shift();
}

const signalOf = (word: Stage['news'][number], eventId: string) =>
  'intentId' in word && !('refundId' in word)
    ? { kind: 'checkout_session' as const, sessionId: word.id, paymentId: word.paymentId, status: word.status, eventId } // prettier-ignore
    : 'refundId' in word
    ? { kind: 'refund' as const, stripeRefundId: word.id, refundId: word.refundId, status: word.status, eventId }
    : { kind: 'payment_intent' as const, paymentIntentId: word.id, paymentId: word.paymentId, status: word.status, eventId }; // prettier-ignore

/** Numbered by the order of what ran beside each other. */
const COUNTERS = new Set(['revision', 'headRevision', 'eventSeq', 'events']);
const EPOCH_MS = 1_600_000_000_000;

/** The state without what no two runs share: times, revisions, and Stripe's own numbers. */
export function comparable(state: EscrowState): unknown {
  return JSON.parse(
    JSON.stringify(state, (key, value: unknown) => {
      if (COUNTERS.has(key)) return undefined;
      if (typeof value === 'number' && value > EPOCH_MS) return 'a time';
      // An inspection's clock runs in both, and not equally fast.
      if (key === 'remainingMs') return 'a time';
      if (typeof value === 'string' && /^(?:pi|cs|ch|re|tr)_\d+$/.test(value)) return value.replace(/\d+/, 'n');
      return typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? 'a time' : value;
    }),
  );
}
