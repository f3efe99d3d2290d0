// docs/coverage.md against the code: every transition and every rule has a line, and every line a test that is there.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { ESCROW_TRANSITIONS, MILESTONE_TRANSITIONS } from '../../domain/transitions.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
interface Line {
  section: string;
  rule: string;
  name: string;
  file: string;
}
const lines: Line[] = readFileSync(`${root}docs/coverage.md`, 'utf8')
  .split('\n## ')
  .flatMap((part) =>
    part.split('\n').flatMap((line) => {
      const [, rule, name, file] = /^\|\s(.+?)\s+\|\s(.+?)\s+\|\s`(test\/.+\.test\.ts)`\s+\|$/.exec(line) ?? [];
      return rule && name && file
        ? [{ section: part.split('\n')[0]!, rule: rule.replaceAll('`', ''), name, file }]
        : [];
    }),
  );

/** The beginnings of strings that stand where tests are named; an escaped quote reads as it is. */
const named = (file: string, name: string): boolean => {
  const code = readFileSync(root + file, 'utf8').replaceAll("\\'", "'");
  return ["'", '"', '`'].some((quote) => code.includes(quote + name));
};

test.each([
  ['Escrow', ESCROW_TRANSITIONS],
  ['Milestone', MILESTONE_TRANSITIONS],
])('every transition of the %s table has a line of its own there, and no other line is there', (section, rows) => {
  const covered = lines.filter((l) => l.section === section).map((l) => l.rule);
  expect(covered.sort()).toEqual(rows.map((r) => r.name as string).sort());
});

/** What is to be refused as abuse, and what must not be lost of it when the document is edited. */
const ABUSE = ['endless extension', 'an inspection too short', 'submitting before the agreed start', 'fund-and-cancel loops', 'a retained fee', 'one card', 'one bank account', 'one device', "new sellers' first releases", 'refund and chargeback for the same milestone', 'stalling by silence']; // prettier-ignore

test.each(ABUSE)('abuse: %s has a line', (what) => {
  expect(lines.filter((l) => l.section === 'Abuse to refuse').map((l) => l.rule).join('\n')).toContain(what); // prettier-ignore
});

test.each(['The escrow, row by row', 'The milestone, row by row', 'The seller', 'Freezes, durations, limits', 'Whose loss', 'Beside the tables'])('the rules of “%s” have lines', (section) => {
  expect(lines.filter((l) => l.section === section).length).toBeGreaterThan(2);
}); // prettier-ignore

test('every line names a test that is there, and stands there once', () => {
  expect(lines.length).toBeGreaterThan(150);
  expect(lines.filter(({ name, file }) => !existsSync(root + file) || !named(file, name))).toEqual([]);
  const texts = lines.map((l) => JSON.stringify(l));
  expect(texts.filter((text, i) => texts.indexOf(text) !== i)).toEqual([]);
});
