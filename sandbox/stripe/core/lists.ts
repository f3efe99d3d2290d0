// List endpoints: newest first, cursors, `created` ranges, filters by equality (through an index where there is one).
import { missing } from './errors.ts';
import { integer, isObject, text, word } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { present } from './render.ts';
import type { TableName } from './store.ts';
import type { World } from './world.ts';

export type ListQuery = {
  table: TableName;
  url: string;
  params: JsonObject;
  /** Field of the record for each filter parameter that is given. */
  where?: { [field: string]: Json | undefined };
  keep?: (record: JsonObject) => boolean;
  /** Another time field for ranges than `created`, by parameter name. */
  ranges?: readonly string[];
  what?: string;
  anyAccount?: boolean;
};

function inRange(value: number, range: Json | undefined): boolean {
  if (!isObject(range)) return true;
  const { gt, gte, lt, lte } = range;
  return (
    (typeof gt !== 'number' || value > gt) &&
    (typeof gte !== 'number' || value >= gte) &&
    (typeof lt !== 'number' || value < lt) &&
    (typeof lte !== 'number' || value <= lte)
  );
}

type Filter = (row: JsonObject) => boolean;

function filterOf(world: World, query: ListQuery): { keep: Filter; indexed: [string, string] | null } {
  const where = Object.entries(query.where ?? {}).filter(
    (pair): pair is [string, Json] => pair[1] !== undefined && pair[1] !== null,
  );
  const found = where.find(([field, value]) => typeof value === 'string' && world.store.isIndexed(query.table, field));
  const ranges = query.ranges ?? ['created'];
  return {
    indexed: found ? [found[0], word(found[1])] : null,
    keep: (row) =>
      (query.anyAccount === true || row._account === world.account) &&
      where.every(([field, value]) => row[field] === value) &&
      ranges.every((field) => inRange(integer(row[field]) ?? 0, query.params[field])) &&
      (query.keep === undefined || query.keep(row)),
  };
}

/** Rows next to the cursor: through the index where a filter has one, else lazily along the table. */
function rows(
  world: World,
  query: ListQuery,
  indexed: [string, string] | null,
  how: { newestFirst: boolean; from: string | null },
): Iterable<JsonObject> {
  if (!indexed) return world.store.walk(query.table, how);
  const found = world.store.by(query.table, indexed[0], indexed[1]);
  if (how.newestFirst) found.reverse();
  if (how.from === null) return found;
  const at = found.findIndex((row) => row.id === how.from);
  return at < 0 ? found : found.slice(at + 1);
}

/** Everything that matches, newest first. */
export function select(world: World, query: ListQuery): JsonObject[] {
  const { keep, indexed } = filterOf(world, query);
  return [...rows(world, query, indexed, { newestFirst: true, from: null })].filter(keep);
}

export function page(world: World, query: ListQuery): JsonObject {
  const limit = integer(query.params.limit) ?? 10;
  const after = text(query.params.starting_after);
  const before = text(query.params.ending_before);
  const from = after ?? before;
  if (from !== null && world.store.get(query.table, from) === undefined) {
    throw missing(query.what ?? query.table.replaceAll('_', ' '), from, after ? 'starting_after' : 'ending_before');
  }
  const newestFirst = after !== null || before === null;
  const { keep, indexed } = filterOf(world, query);
  const taken: JsonObject[] = [];
  for (const row of rows(world, query, indexed, { newestFirst, from })) {
    if (!keep(row)) continue;
    taken.push(row);
    // One more than asked for tells whether there are more.
    if (taken.length > limit) break;
  }
  const shown = taken.slice(0, limit);
  if (!newestFirst) shown.reverse();
  return {
    object: 'list',
    data: shown.map((row) => present(world, row)),
    has_more: taken.length > limit,
    url: query.url,
  };
}
