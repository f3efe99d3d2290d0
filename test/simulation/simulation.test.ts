// Seeded schedules of the real workflow bundle: they converge, a seed reproduces, and a world without a guard is noticed.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Execution, Nondeterminism } from '../../simulation/core.ts';
import type { Isolate } from '../../simulation/isolate.ts';
import { runSeed, SeedFailed } from '../../simulation/schedule.ts';
import { ALL_GUARDS, type Guards } from '../../simulation/books.ts';
import { isolateForTests, tallyForTests } from './bundle.ts';

let isolate: Isolate;

interface LastLine {
  ok: boolean;
  seeds: number;
  failed: number[];
  ends: Record<string, number>;
  faults: Record<string, number>;
}

/** The command as a person runs it; its exit code and the JSON of its last line. */
async function simulate(...args: string[]): Promise<{ code: number | null; last: LastLine }> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const tsx = createRequire(import.meta.url).resolve('tsx');
  // Not with jest's own flags.
  const { NODE_OPTIONS: _flags, ...env } = process.env;
  const child = spawn(process.execPath, ['--import', pathToFileURL(tsx).href, 'cli/simulate.ts', ...args], { cwd: root, env, stdio: ['ignore', 'pipe', 'ignore'] }); // prettier-ignore
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, last: JSON.parse(output.trimEnd().split('\n').at(-1)!) as LastLine };
}
beforeAll(async () => {
  isolate = await isolateForTests();
}, 400_000);

test('npm run simulate: ten thousand seeds converge, every invariant holds, and what came of them is told', async () => {
  const { code, last } = await simulate('--seeds', '10000');
  expect(last.failed).toEqual([]);
  expect({ code, ok: last.ok, seeds: last.seeds }).toEqual({ code: 0, ok: true, seeds: 10_000 });
  expect(Object.values(last.ends).reduce((a, b) => a + b, 0)).toBe(10_000);
  expect(Object.keys(last.ends).sort()).toEqual(['cancelled', 'completed', 'expired']);
  expect(last.faults['eviction']).toBeGreaterThan(0);
  expect(last.faults['continue_as_new']).toBeGreaterThan(0);
}, 1_800_000);

test('npm run simulate: a number that is none is a clear error', async () => {
  const { code, last } = await simulate('--seeds', 'many');
  expect(code).toBe(1);
  expect(last).toEqual({ ok: false, error: expect.stringContaining('--seeds must be a whole number') });
});

test('a seed tells the same story again', async () => {
  const story = async () => {
    const lines: string[] = [];
    await runSeed(isolate, 7, tallyForTests(), { tell: (line) => lines.push(line) });
    return lines;
  };
  const first = await story();
  expect(first.length).toBeGreaterThan(10);
  expect(await story()).toEqual(first);
});

test('a hundred seeds converge within one process: enough to miss a guard of the workflow', async () => {
  for (let seed = 1; seed <= 100; seed++) await runSeed(isolate, seed, tallyForTests());
}, 120_000);

describe('a world without a guard is noticed', () => {
  const without: [string, Partial<Guards>][] = [
    ['activities forget their key', { keys: false }],
    ['postings are made again', { postings: false }],
    ['the projection takes older revisions', { revisions: false }],
    ['a seller from whom it was taken in vain is not paid again', { compensations: false }],
  ];
  test.each(without)(
    '%s',
    async (_name, guard) => {
      const guards = { ...ALL_GUARDS, ...guard };
      const noticed = async () => {
        for (let seed = 1; seed <= 200; seed++) {
          try {
            await runSeed(isolate, seed, tallyForTests(), { guards });
          } catch (error) {
            if (error instanceof SeedFailed) return error;
            throw error;
          }
        }
        return null;
      };
      const failed = await noticed();
      expect(failed?.message).toMatch(/^seed \d+: /);
      // By its number alone it fails again, in the same words.
      await expect(runSeed(isolate, failed!.seed, tallyForTests(), { guards })).rejects.toThrow(failed!.message);
    },
    120_000,
  );
});

test('what the isolate relies on in the SDK stands: a start, an update, a timer, a query, rows, a replay', async () => {
  const rows: string[] = [];
  const start = { workflowId: 'escrow/esc_x', runId: 'run', type: 'escrow', argument: { escrowId: 'esc_x' }, seed: 1, visited: (table: string, row: string) => rows.push(`${table}.${row}`) }; // prettier-ignore
  const execution = new Execution(isolate, start);
  const now = Date.UTC(2026, 0, 1);
  const begun = execution.activate([{ kind: 'init', argument: start.argument }], now);
  expect(begun).toEqual([{ kind: 'startTimer', seq: 1, ms: 60_000 }]);
  const refused = execution.activate([{ kind: 'update', id: 'u', name: 'agree', argument: { commandId: 'c', principal: { id: 'a', role: 'buyer' } } }], now + 1); // prettier-ignore
  expect(refused).toEqual([{ kind: 'updateRejected', id: 'u', message: 'This escrow does not exist yet.' }]);
  execution.evict();
  expect(execution.query('state', now + 2)).toBeNull();
  expect(execution.replayed).toBe(1);
  const ended = execution.activate([{ kind: 'timer', seq: 1 }], now + 60_000);
  expect(ended).toEqual([{ kind: 'completed', result: { escrowId: 'esc_x', status: 'expired' } }]);
  execution.evict();
  await isolate.settled();
});

test('a replay that differs from its history is named', async () => {
  let argument: { escrowId: string } = { escrowId: 'esc_y' };
  const execution = new Execution(isolate, { workflowId: 'escrow/esc_y', runId: 'run2', type: 'escrow', argument, seed: 1, visited: () => {} }); // prettier-ignore
  const now = Date.UTC(2026, 0, 1);
  execution.activate([{ kind: 'init', argument }], now);
  execution.activate([{ kind: 'timer', seq: 1 }], now + 60_000);
  // The history is changed behind its back: the same escrow would answer another id now.
  argument.escrowId = 'esc_z';
  execution.evict();
  expect(() => execution.query('state', now)).toThrow(Nondeterminism);
  await isolate.settled();
});

test('a workflow that does not start, and a task that fails, are errors at once and told again when the isolate settles', async () => {
  const now = Date.UTC(2026, 0, 1);
  const argument = { escrowId: 'esc_z' };
  const none = new Execution(isolate, { workflowId: 'none', runId: 'run3', type: 'noSuchWorkflow', argument, seed: 1, visited: null }); // prettier-ignore
  expect(() => none.activate([{ kind: 'init', argument }], now)).toThrow('noSuchWorkflow does not start');
  await expect(isolate.settled()).rejects.toThrow('noSuchWorkflow');
  const escrow = new Execution(isolate, { workflowId: 'escrow/esc_z', runId: 'run4', type: 'escrow', argument, seed: 1, visited: null }); // prettier-ignore
  escrow.activate([{ kind: 'init', argument }], now);
  expect(() => escrow.activate([{ kind: 'activity', seq: 99, result: null }], now)).toThrow('the workflow task failed');
  await expect(isolate.settled()).rejects.toThrow('the workflow task failed');
  escrow.evict();
  await isolate.settled();
});
