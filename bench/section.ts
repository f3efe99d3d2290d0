// What a measurement hands back: its table for people, its goals and figures for scripts.
import type { Goal } from './statistics.ts';

export interface Section {
  /** Of its block in docs/performance.md. */
  name: string;
  title: string;
  /** The figures were obtained, and nothing was lost or doubled. A missed goal is named in `goals`. */
  ok: boolean;
  /** What was measured, how and beside what: lines of a paragraph. */
  says: string[];
  table: { header: string[]; rows: string[][] };
  goals: Record<string, Goal>;
  figures: Record<string, unknown>;
}
