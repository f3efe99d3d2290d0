// Seeded schedules of the real workflow bundle: they converge, a seed reproduces, and a world without a guard is noticed.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Execution, Nondeterminism } from '../../simulation/core.ts';
import type { Isolate } from '../../simulation/isolate.ts';
import { runSeed, SeedFailed } from '../../simulation/schedule.ts';
import { ALL_GUARDS, type Guards } from '../../simulation/store.ts';
import { isolateForTests, tallyForTests } from './bundle.ts';

let isolate: Isolate;
beforeAll(async () => {
  isolate = await isolateForTests();
}, 400_000);

test('300 seeds converge, and every invariant holds', async () => {
  const tally = tallyForTests();
  for (let seed = 1; seed <= 300; seed++) await runSeed(isolate, seed, tally);
  expect(Object.values(tally.ends).reduce((a, b) => a + b, 0)).toBe(300);
  expect(Object.keys(tally.ends).sort()).toEqual(['cancelled', 'completed', 'expired']);
  expect(tally.faults.eviction).toBeGreaterThan(0);
  expect(tally.faults.continue_as_new).toBeGreaterThan(0);
}, 400_000);

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

describe('a world without a guard is noticed', () => {
  const without: [string, Partial<Guards>][] = [
    ['activities forget their key', { keys: false }],
    ['postings are made again', { postings: false }],
    ['the projection takes older revisions', { revisions: false }],
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
            if (error instanceof SeedFailed) return error.message;
            throw error;
          }
        }
        return null;
      };
      expect(await noticed()).toMatch(/^seed \d+: /);
    },
    120_000,
  );
});

test('what the isolate relies on in the SDK stands: a start, an update, a timer, a query, rows, a replay', async () => {
  const rows: string[] = [];
  const start = { workflowId: 'escrow/esc_x', runId: 'run', type: 'escrow', argument: { escrowId: 'esc_x' }, seed: 1, visited: (table: string, row: string) => rows.push(`${table}.${row}`) }; // prettier-ignore
  const execution = new Execution(isolate, start);
  const now = Date.UTC(2026, 0, 1);
  const begun = await execution.activate([{ kind: 'init', argument: start.argument }], now);
  expect(begun).toEqual([{ kind: 'startTimer', seq: 1, ms: 60_000 }]);
  const refused = await execution.activate([{ kind: 'update', id: 'u', name: 'agree', argument: { commandId: 'c', principal: { id: 'a', role: 'buyer' } } }], now + 1); // prettier-ignore
  expect(refused).toEqual([{ kind: 'updateRejected', id: 'u', message: 'This escrow does not exist yet.' }]);
  await execution.evict();
  expect(await execution.query('state', now + 2)).toBeNull();
  expect(execution.replayed).toBe(1);
  const ended = await execution.activate([{ kind: 'timer', seq: 1 }], now + 60_000);
  expect(ended).toEqual([{ kind: 'completed', result: { escrowId: 'esc_x', status: 'expired' } }]);
  await execution.evict();
});

test('a replay that differs from its history is named', async () => {
  let argument: { escrowId: string } = { escrowId: 'esc_y' };
  const execution = new Execution(isolate, { workflowId: 'escrow/esc_y', runId: 'run2', type: 'escrow', argument, seed: 1, visited: () => {} }); // prettier-ignore
  const now = Date.UTC(2026, 0, 1);
  await execution.activate([{ kind: 'init', argument }], now);
  await execution.activate([{ kind: 'timer', seq: 1 }], now + 60_000);
  // The history is changed behind its back: the same escrow would answer another id now.
  argument.escrowId = 'esc_z';
  await execution.evict();
  await expect(execution.query('state', now)).rejects.toThrow(Nondeterminism);
});
