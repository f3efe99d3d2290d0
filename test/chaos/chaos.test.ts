// A short run of `npm run chaos`, as it is called: it ends well, says what it did, and leaves nothing behind.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));

function chaos(...args: string[]): Promise<{ code: number | null; lines: string[] }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'cli/chaos.ts', ...args], { cwd: root, stdio: 'pipe' });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, lines: output.trimEnd().split('\n') }));
  });
}

test('12 escrows live through kills and faults, and every invariant holds', async () => {
  const { code, lines } = await chaos('--escrows', '12', '--minutes', '2');
  const result = JSON.parse(lines.at(-1)!) as Record<string, unknown>;
  // The whole output, its seed with it, where it is not so.
  if (result['ok'] !== true) throw new Error(lines.join('\n'));
  expect(result).toMatchObject({ escrows: 12, ended: 12, broken: [] });
  expect(code).toBe(0);
  const sum = (of: unknown) => Object.values(of as Record<string, number>).reduce((a, b) => a + b, 0);
  expect(sum(result['kills'])).toBeGreaterThan(3);
  expect(sum(result['faults'])).toBeGreaterThan(3);
  const dataDir = /in (\S+tranche-chaos-\w+)/.exec(lines[0]!)![1]!;
  expect(existsSync(dataDir)).toBe(false);
}, 1_500_000);

test('a number that is none is one clear line', async () => {
  const { code, lines } = await chaos('--escrows', 'many');
  expect(code).toBe(1);
  expect(lines[0]).toMatch(/^--escrows must be a number/);
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ ok: false });
});
