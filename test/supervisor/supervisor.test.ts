// The supervisor over small made-up parts: order, facts, restarts with backoff, and one line for every failure.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { PartDefinition } from '../../cli/part-process.ts';
import { createSupervisor } from '../../cli/supervisor.ts';
import type { Stage, Supervisor } from '../../cli/supervisor.ts';
import { freePort } from '../stack/free-port.ts';
import { isAlive, until } from './wait.ts';

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
const env = { PATH: process.env['PATH'] ?? '' };

let directory: string;
let said: string[];
let supervisors: Supervisor[];
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'tranche-supervisor-'));
  said = [];
  supervisors = [];
});
afterEach(async () => {
  await Promise.all(supervisors.map((supervisor) => supervisor.stop()));
  rmSync(directory, { recursive: true, force: true });
});

function supervise(stages: Stage[]): Supervisor {
  const supervisor = createSupervisor(stages, {
    logDir: path.join(directory, 'logs'),
    say: (line) => said.push(line),
    backoffMs: 200,
  });
  supervisors.push(supervisor);
  return supervisor;
}

async function httpPart(name: string, more: Partial<PartDefinition> = {}): Promise<PartDefinition> {
  const port = await freePort();
  const args = [String(port), ...(more.args ?? [])];
  return { name, script: fixture('http-part.ts'), env, ready: { url: `http://127.0.0.1:${port}/` }, ...more, args };
}

const answers = async (part: PartDefinition): Promise<boolean> => {
  const { url } = part.ready as { url: string };
  return fetch(url).then(
    (response) => response.ok,
    () => false,
  );
};

test('a part that is killed is named, started again, and answers', async () => {
  const part = await httpPart('counter');
  const supervisor = supervise([[() => part]]);
  await supervisor.start();
  const before = supervisor.pids()['counter']!;
  await supervisor.kill('counter');
  await supervisor.untilReady('counter');
  const after = supervisor.pids()['counter']!;
  expect(after).not.toBe(before);
  expect(isAlive(before)).toBe(false);
  expect(await answers(part)).toBe(true);
  expect(said).toEqual(['counter ended (signal SIGKILL): starting it again', `counter runs again (process ${after})`]);
});

test('a part that does not come back is tried again, each time after a longer wait', async () => {
  const part = await httpPart('moody', { script: fixture('moody-part.ts'), args: [path.join(directory, 'starts')] });
  const supervisor = supervise([[() => part]]);
  await supervisor.start();
  await supervisor.kill('moody');
  await supervisor.untilReady('moody');
  const log = path.join(directory, 'logs', 'moody.log');
  expect(said).toEqual([
    'moody ended (signal SIGKILL): starting it again',
    'moody: Error: not at start 2',
    `moody did not come back: not at start 2; see ${log}; next try in 0.4 s`,
    'moody: Error: not at start 3',
    `moody did not come back: not at start 3; see ${log}; next try in 0.8 s`,
    `moody runs again (process ${supervisor.pids()['moody']})`,
  ]);
});

test('a part that cannot start: its reason in one line, and what had started is stopped', async () => {
  const good = await httpPart('good');
  const supervisor = supervise([
    [() => good],
    [() => ({ name: 'bad', script: fixture('failing-part.ts'), args: ['the key is wrong'], env, ready: 'exit' })],
  ]);
  await expect(supervisor.start()).rejects.toThrow(/^bad: the key is wrong; see .*bad\.log$/);
  const pid = supervisor.pids()['good']!;
  expect(isAlive(pid)).toBe(true);
  await supervisor.stop();
  expect(isAlive(pid)).toBe(false);
});

test('a part that never answers is given up and leaves nothing behind', async () => {
  const deaf = await httpPart('deaf', { ready: { url: 'http://127.0.0.1:1/' }, timeoutMs: 700 });
  const supervisor = supervise([[() => deaf]]);
  await expect(supervisor.start()).rejects.toThrow(/^deaf: it did not answer in 0\.7 s; see/);
  expect(await answers({ ...deaf, ready: { url: `http://127.0.0.1:${deaf.args![0]}/` } })).toBe(false);
});

test('a missing file is said as such', async () => {
  const supervisor = supervise([[() => ({ name: 'gone', script: 'cli/no-such-file.ts', env, ready: 'exit' })]]);
  await expect(supervisor.start()).rejects.toThrow('gone: cli/no-such-file.ts is missing');
});

test('stages run one after the other and tasks are not started again', async () => {
  const file = path.join(directory, 'words');
  const task = (word: string): Stage[number] => {
    return () => ({
      name: word,
      script: fixture('task-part.ts'),
      args: [file],
      env: { ...env, WORD: word },
      ready: 'exit',
    });
  };
  const supervisor = supervise([[task('first')], [task('second')], [task('third')]]);
  await supervisor.start();
  expect(readFileSync(file, 'utf8')).toBe('first\nsecond\nthird\n');
  expect(supervisor.pids()).toEqual({});
});

test('stop asks in reverse order and waits; a part that does not listen is ended by force', async () => {
  const first = await httpPart('first');
  const slow = await httpPart('slow', { args: ['60000'], graceMs: 300 });
  const supervisor = supervise([[() => first], [() => slow]]);
  await supervisor.start();
  const pids = Object.values(supervisor.pids());
  expect(pids).toHaveLength(2);
  await supervisor.stop();
  expect(pids.map(isAlive)).toEqual([false, false]);
  expect(said).toEqual([]);
});

test('stopping in the middle of a start gives it up', async () => {
  const deaf = await httpPart('deaf', { ready: { url: 'http://127.0.0.1:1/' } });
  const supervisor = supervise([[() => deaf]]);
  const started = supervisor.start();
  const outcome = expect(started).rejects.toThrow('deaf: stopped before it was ready');
  const port = deaf.args![0]!;
  await until(() => answers({ ...deaf, ready: { url: `http://127.0.0.1:${port}/` } }), 'the part listens');
  await supervisor.stop();
  await outcome;
  expect(await answers({ ...deaf, ready: { url: `http://127.0.0.1:${port}/` } })).toBe(false);
});
