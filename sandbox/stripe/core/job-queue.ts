// The jobs of the virtual clock by due time: a binary heap over the store's job table, oldest first on ties.
import { word } from './json.ts';
import type { Job } from './records.ts';
import type { Store } from './store.ts';

export class JobQueue {
  private readonly heap: { id: string; due: number }[] = [];
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
    store.watch((table, before, after) => {
      if (table === 'job' && after && !before) this.push({ id: word(after.id), due: Number(after._due) });
    });
  }

  next(): Job | null {
    for (;;) {
      const top = this.heap[0];
      if (!top) return null;
      const job = this.store.get('job', top.id);
      // A rolled-back job leaves its entry behind, and its id may come again with another time.
      if (job && job._due === top.due) return job;
      this.pop();
    }
  }

  private before(a: { id: string; due: number }, b: { id: string; due: number }): boolean {
    return a.due < b.due || (a.due === b.due && a.id < b.id);
  }

  private push(entry: { id: string; due: number }): void {
    const { heap } = this;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (!above || !this.before(entry, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      const child = left && right && this.before(right, left) ? right : left;
      if (!child || !this.before(child, last)) break;
      heap[at] = child;
      at = child === right ? 2 * at + 2 : 2 * at + 1;
    }
    heap[at] = last;
  }
}
