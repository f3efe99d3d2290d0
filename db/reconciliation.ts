// Reconciliation's own rows: runs, their differences, and what two persons have explained.
import type { Difference, Look, Repair, Side } from '../domain/reconciliation.ts';
import type { Queryable, Sql, Tx } from './client.ts';

export interface ReconciliationRun {
  id: string;
  workflow_id: string;
  trigger: 'schedule' | 'person';
  requested_by: string | null;
  status: 'running' | 'clean' | 'differences' | 'failed';
  window_from: Date;
  window_to: Date;
  figures: Record<string, number>;
  error: string | null;
  started_at: Date;
  finished_at: Date | null;
  /** Counted now: a repaired one is none any more. */
  open: number;
  differences: number;
}

export interface DifferenceRow {
  run_id: string;
  n: number;
  kind: Difference['kind'];
  subject: string;
  escrow_id: string | null;
  amount: bigint | null;
  currency: string | null;
  stripe: Side | null;
  ours: Side | null;
  cause: string;
  repairs: Repair[];
  look: Look | null;
  happened_at: Date | null;
  status: 'open' | 'repaired';
  repair: Repair | null;
  approval_id: string | null;
  /** Of that approval. */
  approval_status: string | null;
  outcome: string | null;
}

export interface NewRun {
  id: string;
  workflowId: string;
  trigger: ReconciliationRun['trigger'];
  requestedBy: string | null;
  from: Date;
  to: Date;
}

/** Finds the run of this workflow or makes it. */
export async function insertRun(sql: Queryable, run: NewRun): Promise<ReconciliationRun> {
  await sql`
    INSERT INTO reconciliation_runs (id, workflow_id, trigger, requested_by, window_from, window_to)
    VALUES (${run.id}, ${run.workflowId}, ${run.trigger}, ${run.requestedBy}, ${run.from}, ${run.to})
    ON CONFLICT DO NOTHING`;
  const [row] = await sql<{ id: string }[]>`SELECT id FROM reconciliation_runs WHERE workflow_id = ${run.workflowId}`;
  return (await findRun(sql, row!.id))!;
}

export async function setWindow(sql: Queryable, id: string, from: Date, to: Date): Promise<void> {
  await sql`
    UPDATE reconciliation_runs SET window_from = ${from}, window_to = ${to} WHERE id = ${id} AND status = 'running'`;
}

const columns = (sql: Queryable) => sql`
  r.*, (SELECT count(*)::integer FROM reconciliation_differences d WHERE d.run_id = r.id) AS differences,
  (SELECT count(*)::integer FROM reconciliation_differences d WHERE d.run_id = r.id AND d.status <> 'repaired') AS open`;

export async function findRun(sql: Queryable, id: string): Promise<ReconciliationRun | null> {
  const [row] = await sql<ReconciliationRun[]>`SELECT ${columns(sql)} FROM reconciliation_runs r WHERE id = ${id}`;
  return row ?? null;
}

/** Newest first. */
export async function listRuns(
  sql: Sql,
  page: { startingAfter?: string | undefined; limit: number },
): Promise<ReconciliationRun[]> {
  return sql<ReconciliationRun[]>`
    SELECT ${columns(sql)} FROM reconciliation_runs r
    WHERE ${
      page.startingAfter === undefined
        ? sql`true`
        : sql`(started_at, id) < (SELECT started_at, id FROM reconciliation_runs WHERE id = ${page.startingAfter})`
    }
    ORDER BY started_at DESC, id DESC LIMIT ${page.limit}`;
}

export async function differencesOf(
  sql: Queryable,
  runId: string,
  page: { after?: number | undefined; limit: number },
): Promise<DifferenceRow[]> {
  return sql<DifferenceRow[]>`
    SELECT d.*, a.status AS approval_status FROM reconciliation_differences d LEFT JOIN approvals a ON a.id = d.approval_id
    WHERE run_id = ${runId} AND n > ${page.after ?? 0} ORDER BY n LIMIT ${page.limit}`;
}

export async function findDifference(sql: Queryable, runId: string, n: number): Promise<DifferenceRow | null> {
  const [row] = await sql<DifferenceRow[]>`
    SELECT d.*, a.status AS approval_status FROM reconciliation_differences d LEFT JOIN approvals a ON a.id = d.approval_id
    WHERE run_id = ${runId} AND n = ${n}`;
  return row ?? null;
}

/**
 * Writes down what was found, once per kind and subject, unless two persons have explained it. Answers how many of them
 * were explained.
 */
export async function insertDifferences(sql: Sql, runId: string, found: readonly Difference[]): Promise<number> {
  if (found.length === 0) return 0;
  return sql.begin((tx) => insertAll(tx, runId, found));
}

async function insertAll(tx: Tx, runId: string, found: readonly Difference[]): Promise<number> {
  // Two passes never number the same row.
  await tx`SELECT FROM reconciliation_runs WHERE id = ${runId} FOR UPDATE`;
  let explained = 0;
  for (const d of found) {
    const [known] = await tx`
      SELECT FROM reconciliation_explanations
      WHERE kind = ${d.kind} AND subject = ${d.subject} AND amount IS NOT DISTINCT FROM ${d.amountMinor}`;
    if (known) explained += 1;
    else await insertOne(tx, runId, d);
  }
  return explained;
}

async function insertOne(tx: Tx, runId: string, d: Difference): Promise<void> {
  await tx`
    INSERT INTO reconciliation_differences (run_id, n, kind, subject, escrow_id, amount, currency, stripe, ours, cause, repairs, look, happened_at)
    SELECT ${runId}, coalesce(max(n), 0) + 1, ${d.kind}, ${d.subject}, ${d.escrowId}, ${d.amountMinor}::bigint, ${d.currency},
           ${tx.json(d.stripe)}::jsonb, ${tx.json(d.ours)}::jsonb, ${d.cause}, ${d.repairs}::text[],
           ${d.look === null ? null : tx.json({ ...d.look })}::jsonb, ${d.happenedAt === null ? null : new Date(d.happenedAt)}::timestamptz
    FROM reconciliation_differences WHERE run_id = ${runId}
    ON CONFLICT (run_id, kind, subject) DO NOTHING`;
}

/**
 * It was on its way when it was found, and what differs of the same object by now takes its place, in one transaction: a
 * process that dies between the two would have forgotten it.
 */
export async function replaceDifference(sql: Sql, runId: string, n: number, now: Difference | null): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`DELETE FROM reconciliation_differences WHERE run_id = ${runId} AND n = ${n} AND status = 'open'`;
    if (now !== null) await insertAll(tx, runId, [now]);
  });
}

export async function finishRun(
  sql: Queryable,
  id: string,
  end: { status: 'clean' | 'differences' | 'failed'; figures: Record<string, number>; error?: string },
): Promise<void> {
  await sql`
    UPDATE reconciliation_runs SET status = ${end.status}, figures = ${sql.json(end.figures)}, error = ${end.error ?? null},
      finished_at = now()
    WHERE id = ${id} AND status = 'running'`;
}

export async function changeDifference(
  tx: Queryable,
  of: { runId: string; n: number },
  change: Partial<Pick<DifferenceRow, 'status' | 'repair' | 'approval_id' | 'outcome'>>,
): Promise<void> {
  await tx`
    UPDATE reconciliation_differences SET ${tx(change)}, updated_at = now() WHERE run_id = ${of.runId} AND n = ${of.n}`;
}

/**
 * How far the ledger and Stripe's balance are apart by what this run found and what was explained before, per currency:
 * Stripe's side less ours.
 */
export async function driftFound(sql: Queryable, runId: string): Promise<Map<string, bigint>> {
  const rows = await sql<{ currency: string; drift: bigint }[]>`
    SELECT currency, sum(amount)::bigint AS drift FROM (
      SELECT currency, amount FROM reconciliation_differences WHERE run_id = ${runId} AND look ->> 'list' = 'transaction'
      UNION ALL
      SELECT currency, amount FROM reconciliation_explanations WHERE in_balance
    ) d WHERE currency IS NOT NULL GROUP BY currency`;
  return new Map(rows.map((row) => [row.currency, row.drift]));
}

/** Those that can be looked at again by their object, in order. */
export async function toLookAgain(
  sql: Queryable,
  runId: string,
  after: number,
  limit: number,
): Promise<DifferenceRow[]> {
  return sql<DifferenceRow[]>`
    SELECT * FROM reconciliation_differences
    WHERE run_id = ${runId} AND look IS NOT NULL AND n > ${after} ORDER BY n LIMIT ${limit}`;
}

export async function explain(
  tx: Tx,
  d: Pick<DifferenceRow, 'kind' | 'subject' | 'amount' | 'currency' | 'look'>,
  by: { reason: string; approvalId: string },
): Promise<void> {
  await tx`
    INSERT INTO reconciliation_explanations (kind, subject, amount, currency, in_balance, reason, approval_id)
    VALUES (${d.kind}, ${d.subject}, ${d.amount}, ${d.currency}, ${d.look?.list === 'transaction'}, ${by.reason}, ${by.approvalId})
    ON CONFLICT DO NOTHING`;
}
