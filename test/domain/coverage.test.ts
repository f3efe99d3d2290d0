// docs/coverage.md against the code: every transition has a line, and every line a test that is there.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { ESCROW_TRANSITIONS, MILESTONE_TRANSITIONS } from '../../domain/transitions.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const lines = readFileSync(`${root}docs/coverage.md`, 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, rule, name, file] = /^\|\s(.+?)\s+\|\s(.+?)\s+\|\s`(test\/.+\.test\.ts)`\s+\|$/.exec(line) ?? [];
    return rule && name && file ? [{ rule: rule.replaceAll('`', ''), name, file }] : [];
  });

test.each(['Escrow', 'Milestone'])('every transition of the %s table has a line', (table) => {
  const rows = table === 'Escrow' ? ESCROW_TRANSITIONS : MILESTONE_TRANSITIONS;
  const covered = new Set(lines.map((l) => l.rule));
  expect(rows.map((r) => r.name as string).filter((name) => !covered.has(name))).toEqual([]);
});

test('every line names a test that is there', () => {
  expect(lines.length).toBeGreaterThan(50);
  const missing = lines.filter(
    ({ name, file }) => !existsSync(root + file) || !readFileSync(root + file, 'utf8').includes(name),
  );
  expect(missing).toEqual([]);
});
