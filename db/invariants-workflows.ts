// Invariant 8 with the workflows themselves: the projection of each open escrow is what its workflow answers.
import type { EscrowState } from '../domain/escrow-state.ts';
import { isEscrowEnd } from '../domain/escrow-state.ts';
import type { Sql } from './client.ts';
import type { Again } from './invariants-stripe.ts';

interface Projected {
  id: string;
  status: string;
  revision: number;
  milestones: { id: string; status: string; revision: number }[];
}

const BATCH = 50;
const MOST = 100;

/** Where a comparison stands: open escrows up to `after` have been asked, and so much was found. */
export interface Compared {
  after: string;
  found: number;
}

/**
 * Open escrows in batches, each asked again while something is on its way between workflow and projection. `running` names
 * the escrows whose workflow runs: those too that the projection calls ended, or does not have at all. Ends where so much
 * differs that more says nothing.
 */
export async function* workflowsCompared(
  sql: Sql,
  stateOf: (escrowId: string) => Promise<EscrowState | null>,
  again: Again,
  running?: () => AsyncIterable<string>,
  { after, found }: Compared = { after: '', found: 0 },
): AsyncIterable<{ after: string; broken: object[] }> {
  const asked = async (ids: readonly string[]): Promise<{ after: string; broken: object[] }> => {
    const broken: object[] = [];
    for (const id of ids) broken.push(...(await escrowAgrees(sql, id, stateOf, again)));
    const left = broken.slice(0, MOST - found);
    found += left.length;
    return { after, broken: left };
  };
  for (;;) {
    if (found >= MOST) return;
    const rows = await sql<{ id: string }[]>`
      SELECT id FROM escrows WHERE status NOT IN ('completed', 'cancelled', 'expired') AND id > ${after} ORDER BY id LIMIT ${BATCH}`;
    const last = rows.at(-1);
    if (last === undefined) break;
    after = last.id;
    yield asked(rows.map(({ id }) => id));
  }
  let batch: string[] = [];
  for await (const id of running?.() ?? []) {
    if (found >= MOST) return;
    batch.push(id);
    if (batch.length < BATCH) continue;
    yield asked(await notOpen(sql, batch));
    batch = [];
  }
  if (found < MOST) yield asked(await notOpen(sql, batch));
}

/** All that differs, of the whole comparison. */
export async function workflowsAgree(...of: Parameters<typeof workflowsCompared>): Promise<object[]> {
  const broken: object[] = [];
  for await (const batch of workflowsCompared(...of)) broken.push(...batch.broken);
  return broken;
}

/** Of these, the ones that the projection calls ended, or does not have. */
async function notOpen(sql: Sql, ids: readonly string[]): Promise<string[]> {
  const open = await sql<{ id: string }[]>`
    SELECT id FROM escrows WHERE id = ANY (${[...ids]}) AND status NOT IN ('completed', 'cancelled', 'expired')`;
  const known = new Set(open.map((row) => row.id));
  return ids.filter((id) => !known.has(id));
}

async function escrowAgrees(
  sql: Sql,
  id: string,
  stateOf: (escrowId: string) => Promise<EscrowState | null>,
  again: Again,
): Promise<object[]> {
  for (let attempt = 1; ; attempt += 1) {
    const state = await stateOf(id);
    const rows = differences(await projected(sql, id), state);
    if (rows.length === 0 || attempt >= again.tries) return rows;
    await new Promise((resolve) => setTimeout(resolve, again.pauseMs));
  }
}

async function projected(sql: Sql, id: string): Promise<Projected | null> {
  const [row] = await sql<Projected[]>`
    SELECT e.id, e.status, e.revision,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('id', m.id, 'status', m.status, 'revision', m.revision) ORDER BY m.position), '[]')
            FROM milestones m WHERE m.escrow_id = e.id) AS milestones
    FROM escrows e WHERE e.id = ${id}`;
  return row ?? null;
}

/** A transfer under way is projected with its outcome: until then pages show what it started from. */
const shows = (projection: string, workflow: string): boolean =>
  projection === workflow ||
  (workflow === 'releasing' && ['accepted', 'blocked_kyc', 'blocked_funds'].includes(projection));

function differences(seen: Projected | null, state: EscrowState | null): object[] {
  if (seen === null) {
    // A run that was never asked to create an escrow ends by itself.
    return state === null ? [] : [{ escrow_id: state.id, what: 'a running workflow without a projection', workflow: state.status }]; // prettier-ignore
  }
  if (state === null) {
    if (isEscrowEnd(seen.status as EscrowState['status'])) return [];
    return [
      { escrow_id: seen.id, what: 'open in the projection, without a running workflow', projection: seen.status },
    ];
  }
  const rows: object[] = [];
  if (seen.status !== state.status || seen.revision !== state.headRevision) {
    rows.push({
      escrow_id: seen.id,
      what: 'escrow',
      projection: seen.status,
      workflow: state.status,
      projection_revision: seen.revision,
      workflow_revision: state.headRevision,
    });
  }
  for (const milestone of state.milestones) {
    const row = seen.milestones.find((m) => m.id === milestone.id);
    if (row?.revision === milestone.revision && shows(row.status, milestone.status)) continue;
    rows.push({
      escrow_id: seen.id,
      milestone_id: milestone.id,
      what: 'milestone',
      projection: row?.status ?? null,
      workflow: milestone.status,
      projection_revision: row?.revision ?? null,
      workflow_revision: milestone.revision,
    });
  }
  return rows;
}
