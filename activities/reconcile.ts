// Reconciliation: Stripe's books against ours, page by page, newest first on both sides. Nothing here moves money or posts.
import { newId } from '../db/ids.ts';
import { raiseAlert } from '../db/movements.ts';
import {
  findRun,
  finishRun,
  insertDifferences,
  insertRun,
  replaceDifference,
  setWindow,
  toLookAgain,
} from '../db/reconciliation.ts';
import {
  knownObjects,
  knownTransactions,
  postedOf,
  recordedBetween,
  withEvents,
  withPostings,
} from '../db/reconciliation-known.ts';
import { type BookedTransaction, type BookList, type BookObject, type Difference, judgeObject, judgeTransaction, type Look, NOTHING_KNOWN, unknownToStripe } from '../domain/reconciliation.ts'; // prettier-ignore
import type { ReconciliationActivities, ReconciliationFigures, ReconciliationPass, ReconciliationRunWord } from './reconcile-contract.ts'; // prettier-ignore
import { judgeIntentAgain, type ReconcileDeps, reconcileBalance, reconcileInvariants, reconcileOpen, reconcileSellers, reconcileWorkflows } from './reconcile-state.ts'; // prettier-ignore
import { asFailure, beating, goingOn } from './stripe-call.ts';

const DAY_MS = 86_400_000;
const CONFIRM_PAGE = 50;

export function reconcileActivities(deps: ReconcileDeps): ReconciliationActivities {
  const { sql, payments } = deps;
  const passes: Record<ReconciliationPass, (run: ReconciliationRunWord) => Promise<ReconciliationFigures>> = {
    transactions: (run) => reconcileTransactions(deps, run),
    charge: (run) => reconcileList(deps, run, 'charge'),
    refund: (run) => reconcileList(deps, run, 'refund'),
    transfer: (run) => reconcileList(deps, run, 'transfer'),
    dispute: (run) => reconcileList(deps, run, 'dispute'),
    payout: (run) => reconcileList(deps, run, 'payout'),
    topup: (run) => reconcileList(deps, run, 'topup'),
    open: (run) => reconcileOpen(deps, run),
    sellers: (run) => reconcileSellers(deps, run),
    balance: (run) => beating(() => reconcileBalance(deps, run)),
    workflows: (run) => reconcileWorkflows(deps, run),
    invariants: (run) => beating(() => reconcileInvariants(deps, run)),
  };
  return {
    beginReconciliation: async ({ runId, days, workflowId }) => {
      // Stripe's own clock decides what its newest entry is: ours may lag, and the sandbox's may run ahead by days.
      const newest = await asFailure(() => payments.journal.transactions({ from: 0 }));
      const to = Math.max(Date.now(), newest.data[0]?.createdAt ?? 0);
      const made = await insertRun(sql, {
        id: runId ?? newId('reconciliation'),
        workflowId,
        trigger: 'schedule',
        requestedBy: null,
        from: new Date(to - days * DAY_MS),
        to: new Date(to),
      });
      await setWindow(sql, made.id, new Date(to - days * DAY_MS), new Date(to));
      return { runId: made.id, from: to - days * DAY_MS, to };
    },
    reconcilePass: (run, pass) => passes[pass](run),
    countDifferences: async (runId) => (await findRun(sql, runId))!.differences,
    confirmDifferences: (runId) => confirm(deps, runId),
    finishReconciliation: async (runId, figures, error) => {
      const { open } = (await findRun(sql, runId))!;
      const status = error === null ? (open === 0 ? 'clean' : 'differences') : 'failed';
      await sql.begin(async (tx) => {
        await finishRun(tx, runId, { status, figures, ...(error === null ? {} : { error }) });
        if (status === 'clean') return;
        const kind = error === null ? 'reconciliation_differences' : 'reconciliation_failed';
        await raiseAlert(tx, { kind, key: `${kind}:${runId}`, detail: { run: runId, differences: open, error } });
      });
      deps.logger.info({ run_id: runId, status, differences: open, figures }, 'reconciliation ended');
      return status;
    },
  };
}

/** Where a pass through a list stands; small, because it rides on every heartbeat. */
interface Cursor {
  after: string | undefined;
  /** Our rows above this moment are compared already. */
  comparedTo: number;
  /** Ids of Stripe's list in that very second, whose rest may stand on the next page. */
  carried: string[];
  compared: number;
  explained: number;
}

const atTheStart = (to: number): Cursor => ({
  after: undefined,
  comparedTo: to,
  carried: [],
  compared: 0,
  explained: 0,
});

/**
 * A merge of two lists that are sorted by second: Stripe's balance transactions and those that we recorded. Each page settles
 * the seconds that it holds whole. Linear in time; in memory never more than a page and one second.
 */
function reconcileTransactions(
  deps: ReconcileDeps,
  { runId, from, to }: ReconciliationRunWord,
): Promise<ReconciliationFigures> {
  const { sql, payments } = deps;
  // Stripe's lists know whole seconds.
  const upTo = Math.ceil(to / 1000) * 1000;
  return goingOn(atTheStart(upTo), async (start, moved) => {
    let cursor = start;
    for (;;) {
      const { after } = cursor;
      const page = await asFailure(() => payments.journal.transactions({ from, after }));
      const explained = await insertDifferences(sql, runId, await differTransactions(deps, page.data));
      const last = page.data.at(-1);
      const settledTo = page.more && last ? last.createdAt : Math.floor(from / 1000) * 1000 - 1;
      const atStripe = new Set([...cursor.carried, ...page.data.map((bt) => bt.id)]);
      let phantoms = 0;
      for await (const ours of recordedBetween(sql, settledTo, cursor.comparedTo)) {
        const missing = ours.filter((row) => !atStripe.has(row.id));
        phantoms += await insertDifferences(
          sql,
          runId,
          missing.map((row) => unknownToStripe({ id: row.id, netMinor: row.net, currency: row.currency, createdAt: row.created_at.getTime(), escrowId: row.escrow_id })), // prettier-ignore
        );
      }
      const sameSecond = page.data.filter((bt) => bt.createdAt === settledTo).map((bt) => bt.id);
      cursor = {
        after: last?.id,
        comparedTo: settledTo,
        carried: settledTo === cursor.comparedTo ? [...cursor.carried, ...sameSecond] : sameSecond,
        compared: cursor.compared + page.data.length,
        explained: cursor.explained + explained + phantoms,
      };
      moved(cursor);
      if (!page.more) return { balance_transactions: cursor.compared, explained: cursor.explained };
    }
  });
}

async function differTransactions(deps: ReconcileDeps, page: readonly BookedTransaction[]): Promise<Difference[]> {
  const { sql } = deps;
  const posted = await postedOf(sql, page.map((bt) => bt.id)); // prettier-ignore
  const wrong = page.filter((bt) => judgeTransaction(bt, posted.get(bt.id) ?? null, NOTHING_KNOWN) !== null);
  if (wrong.length === 0) return [];
  // Only what differs is asked about further.
  const known = await knownTransactions(sql, wrong);
  return wrong.map((bt) => judgeTransaction(bt, posted.get(bt.id) ?? null, known.get(bt.id)!)!);
}

/** One of Stripe's lists against our rows of the same objects. */
function reconcileList(
  deps: ReconcileDeps,
  { runId, from, to }: ReconciliationRunWord,
  list: BookList,
): Promise<ReconciliationFigures> {
  return goingOn(atTheStart(to), async (start, moved) => {
    let cursor = start;
    for (;;) {
      const { after } = cursor;
      const page = await asFailure(() => deps.payments.journal.objects(list, { from, after }));
      const explained = await insertDifferences(deps.sql, runId, await differObjects(deps, page.data));
      cursor = { ...cursor, after: page.data.at(-1)?.id, compared: cursor.compared + page.data.length, explained: cursor.explained + explained }; // prettier-ignore
      moved(cursor);
      if (!page.more) return { [`${list}s`]: cursor.compared };
    }
  });
}

async function differObjects({ sql }: ReconcileDeps, objects: readonly BookObject[]): Promise<Difference[]> {
  const known = await knownObjects(sql, objects);
  // A payout that is posted may still have to arrive: that stands in the ledger alone.
  if (objects.some((o) => o.kind === 'payout')) await withPostings(sql, objects, known);
  const suspects = objects.filter((o) => judgeObject(o, known.get(o.id)!) !== null);
  if (suspects.length === 0) return [];
  // Only what seems to differ is asked about further.
  await withEvents(sql, suspects, await withPostings(sql, suspects, known));
  return suspects.flatMap((o) => judgeObject(o, known.get(o.id)!) ?? []);
}

/** What a difference's object says now; null: it differs no more. */
async function lookAgain(deps: ReconcileDeps, look: Look): Promise<Difference | null> {
  const { sql, payments } = deps;
  if (look.list === 'payment_intent') return judgeIntentAgain(deps, look.id);
  if (look.list === 'transaction') {
    const bt = await asFailure(() => payments.journal.transaction(look.id));
    if (bt !== null) return (await differTransactions(deps, [bt]))[0] ?? null;
    const [row] = await sql<{ net: bigint; currency: string; created_at: Date }[]>`
      SELECT net, currency, created_at FROM balance_transactions WHERE id = ${look.id}`;
    return row === undefined ? null : unknownToStripe({ id: look.id, netMinor: row.net, currency: row.currency, createdAt: row.created_at.getTime(), escrowId: null }); // prettier-ignore
  }
  const { list, id } = look;
  const object = await asFailure(() => payments.journal.object(list, id));
  return object === null ? null : ((await differObjects(deps, [object]))[0] ?? null);
}

function confirm(deps: ReconcileDeps, runId: string): Promise<ReconciliationFigures> {
  return goingOn({ after: 0, settled: 0 }, async ({ after, settled }, moved) => {
    for (;;) {
      const rows = await toLookAgain(deps.sql, runId, after, CONFIRM_PAGE);
      for (const row of rows) {
        after = row.n;
        const now = await lookAgain(deps, row.look!);
        if (now === null || now.kind !== row.kind || now.subject !== row.subject) {
          // Something else may be wrong with it by now.
          await replaceDifference(deps.sql, runId, row.n, now);
          settled += 1;
        }
        moved({ after, settled });
      }
      if (rows.length < CONFIRM_PAGE) return { settled_meanwhile: settled };
    }
  });
}
