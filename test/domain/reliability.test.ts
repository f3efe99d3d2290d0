// docs/reliability.md against the tests: 25 faults, and every test that it names is there.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const root = fileURLToPath(new URL('../../', import.meta.url));
const rows = readFileSync(`${root}docs/reliability.md`, 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

test('all 25 faults are there, in order', () => {
  const numbers = rows.map((cells) => Number(cells[1])).filter((n) => n > 0);
  expect(numbers).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
});

test('every row names a test that is there, and what was seen', () => {
  const named = rows.flatMap((cells) => {
    const [, file, name] = /^`(test\/.+\.test\.ts)`: (.+)$/.exec(cells[4] ?? '') ?? [];
    return file && name ? [{ file, name, seen: cells[5] }] : [];
  });
  // All but the head and its rule.
  expect(named).toHaveLength(rows.length - 2);
  const missing = named.filter(({ file, name, seen }) => !seen || !existsSync(root + file) || !readFileSync(root + file, 'utf8').includes(name)); // prettier-ignore
  expect(missing).toEqual([]);
});
