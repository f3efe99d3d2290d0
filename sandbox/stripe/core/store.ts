// The state: tables of immutable records with secondary indexes. A failed request is undone, a good one yields the list
// of records that it wrote, which is all that the journal keeps.
import type { Json, JsonObject } from './json.ts';
import type { Tables } from './records.ts';

export type TableName = keyof Tables;
export type Change = { table: TableName; id: string; record: JsonObject | null };

const INDEXED: Partial<Record<TableName, readonly string[]>> = {
  charge: ['payment_intent', 'transfer_group', 'customer'],
  refund: ['charge', 'payment_intent', '_waiting'],
  transfer: ['transfer_group', 'source_transaction', 'destination', 'destination_payment'],
  transfer_reversal: ['transfer'],
  dispute: ['charge', 'payment_intent'],
  balance_transaction: ['source', '_payout'],
  payment_intent: ['customer', 'transfer_group'],
  payment_method: ['customer'],
  review: ['charge'],
  early_fraud_warning: ['charge'],
  external_account: ['account'],
  delivery: ['_event'],
  checkout_session: ['payment_intent'],
  file_link: ['file'],
  person: ['account'],
};

const MANY = 2000;

type Undo = { table: TableName; id: string; before: JsonObject | undefined };
/** Told of every write, with the record before and after: the books keep their independent sums by it. */
export type Watcher = (table: TableName, before: JsonObject | undefined, after: JsonObject | undefined) => void;

export class Store {
  private readonly tables = new Map<string, Map<string, JsonObject>>();
  /** Ids of each table in the order of creation; a removed one leaves a gap. */
  private readonly order = new Map<string, { ids: string[]; place: Map<string, number> }>();
  private readonly indexes = new Map<string, Map<string, Set<string>>>();
  private undo: Undo[] = [];
  private dirty = new Map<string, { table: TableName; id: string }>();
  private readonly watchers: Watcher[] = [];

  watch(watcher: Watcher): void {
    this.watchers.push(watcher);
  }

  get<T extends TableName>(table: T, id: string): Tables[T] | undefined {
    return this.table(table).get(id) as Tables[T] | undefined;
  }

  put<T extends TableName>(table: T, record: Tables[T]): Tables[T] {
    this.write(table, record.id, record);
    return record;
  }

  /** Replaces some fields and returns the new record; the old one stays as it was for whoever holds it. */
  patch<T extends TableName>(table: T, id: string, fields: Partial<Tables[T]>): Tables[T] {
    const before = this.table(table).get(id);
    if (!before) throw new Error(`sandbox: no ${table} ${id}`);
    const after = { ...before, ...fields } as Tables[T];
    this.write(table, id, after);
    return after;
  }

  remove(table: TableName, id: string): void {
    this.write(table, id, undefined);
  }

  /** Oldest first, in the order of creation. */
  *all<T extends TableName>(table: T): IterableIterator<Tables[T]> {
    for (const record of this.table(table).values()) yield record as Tables[T];
  }

  /** Lazily, newest first (or oldest first), beginning next to a cursor; what is asked for is all that is walked. */
  *walk<T extends TableName>(
    table: T,
    how: { newestFirst: boolean; from?: string | null },
  ): IterableIterator<Tables[T]> {
    const order = this.order.get(table);
    if (!order) return;
    const step = how.newestFirst ? -1 : 1;
    const edge = how.newestFirst ? order.ids.length : -1;
    const place = how.from ? order.place.get(how.from) : undefined;
    const rows = this.table(table);
    for (let at = (place ?? edge) + step; at >= 0 && at < order.ids.length; at += step) {
      const id = order.ids[at];
      if (id === undefined || order.place.get(id) !== at) continue;
      const record = rows.get(id);
      if (record) yield record as Tables[T];
    }
  }

  count(table: TableName): number {
    return this.table(table).size;
  }

  isIndexed(table: TableName, field: string): boolean {
    return INDEXED[table]?.includes(field) ?? false;
  }

  /** Oldest first. */
  by<T extends TableName>(table: T, field: string, value: string): Tables[T][] {
    if (!this.isIndexed(table, field)) throw new Error(`sandbox: ${table}.${field} has no index`);
    const ids = this.indexes.get(`${table}.${field}`)?.get(value);
    if (!ids) return [];
    const rows = this.table(table);
    return [...ids].map((id) => rows.get(id) as Tables[T]);
  }

  /** Ends the unit of work and returns what it wrote, each record once. */
  commit(): Change[] {
    const changes: Change[] = [];
    for (const { table, id } of this.dirty.values()) {
      changes.push({ table, id, record: this.table(table).get(id) ?? null });
    }
    this.undo = [];
    this.dirty.clear();
    return changes;
  }

  /** A mark within the unit of work, to which `rollback` returns. */
  mark(): number {
    return this.undo.length;
  }

  rollback(to: number): void {
    for (let i = this.undo.length - 1; i >= to; i -= 1) {
      const step = this.undo[i];
      if (step) this.apply(step.table, step.id, step.before);
    }
    this.undo.length = to;
  }

  /** For the journal's replay: applies changes without recording them again. */
  load(changes: readonly Change[]): void {
    for (const { table, id, record } of changes) this.apply(table, id, record ?? undefined);
  }

  *snapshot(): IterableIterator<Change> {
    for (const [table, rows] of this.tables) {
      for (const [id, record] of rows) yield { table: table as TableName, id, record };
    }
  }

  private table(name: string): Map<string, JsonObject> {
    let rows = this.tables.get(name);
    if (!rows) {
      rows = new Map();
      this.tables.set(name, rows);
    }
    return rows;
  }

  private write(table: TableName, id: string, record: JsonObject | undefined): void {
    this.undo.push({ table, id, before: this.table(table).get(id) });
    this.dirty.set(`${table}/${id}`, { table, id });
    this.apply(table, id, record);
  }

  private apply(table: TableName, id: string, record: JsonObject | undefined): void {
    const rows = this.table(table);
    const before = rows.get(id);
    if (record === undefined) rows.delete(id);
    else rows.set(id, record);
    if (before === undefined && record !== undefined) this.append(table, id);
    if (before !== undefined && record === undefined) this.order.get(table)?.place.delete(id);
    for (const field of INDEXED[table] ?? []) this.reindex(`${table}.${field}`, id, before?.[field], record?.[field]);
    for (const watcher of this.watchers) watcher(table, before, record);
  }

  private append(table: TableName, id: string): void {
    let order = this.order.get(table);
    if (!order) {
      order = { ids: [], place: new Map() };
      this.order.set(table, order);
    }
    order.place.set(id, order.ids.push(id) - 1);
    // Jobs and answers come and go: once most places are gaps the order is written anew.
    if (order.ids.length < MANY || order.ids.length < 2 * order.place.size) return;
    const { place } = order;
    order.ids = order.ids.filter((each, at) => place.get(each) === at);
    order.place = new Map(order.ids.map((each, at) => [each, at]));
  }

  private reindex(index: string, id: string, before: Json | undefined, after: Json | undefined): void {
    if (before === after) return;
    let values = this.indexes.get(index);
    if (!values) {
      values = new Map();
      this.indexes.set(index, values);
    }
    if (typeof before === 'string') values.get(before)?.delete(id);
    if (typeof after === 'string') {
      const ids = values.get(after);
      if (ids) ids.add(id);
      else values.set(after, new Set([id]));
    }
  }
}
