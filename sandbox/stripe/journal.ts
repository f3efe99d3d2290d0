// The journal on disk: what each request wrote, one line, before its answer goes out. A snapshot begins each generation,
// so that a restart reads little; a line torn by a kill is dropped, because nobody was answered for it.
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

import type { JsonObject } from './core/json.ts';
import type { Change, Store, TableName } from './core/store.ts';

type Line = [TableName, string, JsonObject | null][];
const COMPACT_AT_BYTES = 16 * 1024 * 1024;
const SNAPSHOT_LINE = 500;

export class Journal {
  private readonly directory: string;
  private generation = 0;
  private file = -1;
  private written = 0;
  private snapshotBytes = 0;

  constructor(directory: string) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  /** Everything written so far, in order; afterwards the journal is open for appending. */
  load(): Change[][] {
    const generations = readdirSync(this.directory)
      .map((name) => /^snapshot-(\d+)\.jsonl$/.exec(name)?.[1])
      .filter((found): found is string => found !== undefined)
      .map(Number);
    this.generation = Math.max(0, ...generations);
    const snapshot = this.read(this.path('snapshot'));
    const journal = this.read(this.path('journal'));
    this.snapshotBytes = snapshot.bytes;
    this.written = journal.bytes;
    this.file = openSync(this.path('journal'), 'a');
    // Appending after a torn line would lose the next one too.
    ftruncateSync(this.file, journal.bytes);
    return [...snapshot.lines, ...journal.lines];
  }

  append(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    const line: Line = changes.map(({ table, id, record }) => [table, id, record]);
    this.written += writeSync(this.file, `${JSON.stringify(line)}\n`);
  }

  /** Begins a new generation once the journal outgrows its snapshot. */
  compactIfLarge(store: Store): void {
    if (this.written < COMPACT_AT_BYTES || this.written < 2 * this.snapshotBytes) return;
    const before = [this.path('snapshot'), this.path('journal')];
    this.generation += 1;
    const target = this.path('snapshot');
    const partial = `${target}.partial`;
    const out = openSync(partial, 'w');
    let bytes = 0;
    let line: Line = [];
    for (const { table, id, record } of store.snapshot()) {
      line.push([table, id, record]);
      if (line.length < SNAPSHOT_LINE) continue;
      bytes += writeSync(out, `${JSON.stringify(line)}\n`);
      line = [];
    }
    bytes += writeSync(out, `${JSON.stringify(line)}\n`);
    closeSync(out);
    renameSync(partial, target);
    closeSync(this.file);
    this.file = openSync(this.path('journal'), 'a');
    this.written = 0;
    this.snapshotBytes = bytes;
    for (const old of before) rmSync(old, { force: true });
  }

  close(): void {
    if (this.file >= 0) closeSync(this.file);
    this.file = -1;
  }

  private path(kind: 'snapshot' | 'journal'): string {
    return join(this.directory, `${kind}-${this.generation}.jsonl`);
  }

  private read(path: string): { lines: Change[][]; bytes: number } {
    if (!existsSync(path)) return { lines: [], bytes: 0 };
    const content = readFileSync(path);
    const end = content.lastIndexOf(10) + 1;
    const lines = content
      .subarray(0, end)
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as Line).map(([table, id, record]) => ({ table, id, record })));
    return { lines, bytes: end };
  }
}
