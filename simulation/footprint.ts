// What a bundle and each workflow that a worker keeps in its cache take of its memory, measured in the SDK's own isolate.
import vm from 'node:vm';
import v8 from 'node:v8';
import { Execution } from './core.ts';
import { createIsolate, LOCAL_ACTIVITIES } from './isolate.ts';
import { Chance } from './clock.ts';
import { BUYER, SELLERS } from './people.ts';
import { termsOf } from './terms.ts';

/** The code without its source map, which a worker keeps once and outside of the isolate. */
export function bundleSizeKb(code: string): number {
  const end = code.lastIndexOf('//# sourceMappingURL=data:');
  return Math.round(Buffer.byteLength(end < 0 ? code : code.slice(0, end)) / 1024);
}

const NOW = Date.UTC(2026, 0, 1);

/** Heap of one escrow that was proposed and waits, in KB: the mean over `count` of them. */
export async function kbPerCachedWorkflow(code: string, count = 150): Promise<number> {
  const isolate = createIsolate(code, LOCAL_ACTIVITIES);
  const open = (n: number): Execution => {
    const escrowId = `esc_${n}`;
    const argument = { escrowId };
    const execution = new Execution(isolate, { workflowId: `escrow/${escrowId}`, runId: `footprint ${n}`, type: 'escrow', argument, seed: n, visited: null }); // prettier-ignore
    const terms = termsOf(escrowId, BUYER.id, SELLERS.map((s) => s.id), new Chance(7), NOW); // prettier-ignore
    const create = { commandId: `cmd_${n}`, principal: BUYER, terms, termsHash: 'hash' };
    execution.activate([{ kind: 'init', argument }, { kind: 'update', id: `upd_${n}`, name: 'create', argument: create }], NOW); // prettier-ignore
    return execution;
  };
  // The first ones also load and compile what all share.
  const kept: Execution[] = [];
  for (let n = 0; n < 20; n++) kept.push(open(n));
  const before = heapUsed();
  for (let n = 0; n < count; n++) kept.push(open(20 + n));
  const kb = (heapUsed() - before) / count / 1024;
  for (const execution of kept) execution.evict();
  await isolate.settled();
  return Math.round(kb);
}

function heapUsed(): number {
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc') as () => void;
  gc();
  return process.memoryUsage().heapUsed;
}
