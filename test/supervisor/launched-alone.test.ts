// A part that npm runs alone ends with npm: a SIGTERM to npm reaches the shell below it, and never the part.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { freePorts } from '../stack/free-port.ts';
import { until } from './wait.ts';

test('npm run sandbox, ended by SIGTERM to npm, leaves nothing behind', async () => {
  const [port] = await freePorts(1);
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/_sandbox/state`).then((reply) => reply.ok, () => false); // prettier-ignore
  const npm = spawn('npm', ['run', 'sandbox', '--', '--port', String(port)], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: 'ignore',
  });
  await until(answers, 'the sandbox answers');
  npm.kill('SIGTERM');
  await until(async () => !(await answers()), 'the sandbox is gone');
  expect(await answers()).toBe(false);
});
