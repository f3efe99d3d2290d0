// The list of guards fits the code, names tests that are there, and the command that takes them out tells one that is found
// from one that nobody misses.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { staleMutations, unfound } from './document.ts';
import { GROUPS } from './list.ts';
import { mutated, ROOT } from './mutation.ts';

const all = GROUPS.flatMap((group) => group.mutations);
const guardOf = 'ops lift only what ops froze';

describe('the list', () => {
  test('takes out what is there, once each, and changes it', () => {
    expect(staleMutations()).toEqual([]);
    expect(all.filter((m) => m.find === m.replace)).toEqual([]);
    expect(all.length).toBeGreaterThan(150);
  });

  test('names each guard once', () => {
    const names = all.map((m) => m.guard);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  test('names tests that are there', () => {
    const files = new Set(all.map((m) => m.test[0]));
    expect([...files].filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
  });

  test('says which text has moved', () => {
    const m = all.find(({ guard }) => guard === guardOf)!;
    expect(() => mutated({ ...m, find: 'nowhere' })).toThrow(/stands 0 times in domain\/transitions.ts/);
    expect(() => mutated({ ...m, find: 'state' })).toThrow(/stands \d+ times/);
  });
});

describe('--new', () => {
  const noted = all.find((m) => unfound([m]).length === 0)!;

  test('passes over a guard that a run has found as it stands', () => {
    expect(noted).toBeDefined();
  });

  test('takes out a new one, and one whose text or test has changed since', () => {
    expect(unfound([{ ...noted, guard: 'nobody has ever listed this' }])).toHaveLength(1);
    expect(unfound([{ ...noted, find: `${noted.find} ` }])).toHaveLength(1);
    expect(unfound([{ ...noted, test: [noted.test[0], 'another test'] }])).toHaveLength(1);
  });
});

test('a guard taken out in a copy is found by its test, and the product is as it was', async () => {
  const file = path.join(ROOT, all.find(({ guard }) => guard === guardOf)!.file);
  const before = readFileSync(file, 'utf8');
  const { NODE_OPTIONS: _own, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'test/mutations/run.ts', '--only', guardOf], { cwd: ROOT, env }); // prettier-ignore
  const lines = stdout.trimEnd().split('\n');
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ ok: true, mutations: 1, killed: 1 });
  expect(stdout).toMatch(/killed +ops lift only what ops froze\n +one by one ops freeze and lift only their own/);
  expect(readFileSync(file, 'utf8')).toBe(before);
});
