// Schemathesis from PyPI, in a virtual environment under the user's cache: installed once for these pins. Without Python the
// test fails with one line, unless ALLOW_NO_PYTHON=1 says otherwise outside CI.
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const requirements = fileURLToPath(new URL('./requirements.txt', import.meta.url));
const pins = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16);
const cache = path.join(process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'), 'tranche', 'schemathesis');
const home = path.join(cache, pins);
const binOf = (environment: string, name: string) =>
  process.platform === 'win32' ? path.join(environment, 'Scripts', `${name}.exe`) : path.join(environment, 'bin', name);

const run = (program: string, args: string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: 16 << 20 }, (error, _stdout, stderr) => {
      if (error)
        reject(Object.assign(new Error(`${program} ${args.join(' ')} failed: ${stderr.trim()}`), { code: error.code })); // prettier-ignore
      else resolve();
    });
  });

/** Python 3.10 or newer, by whatever name. */
async function python(): Promise<string | null> {
  for (const name of ['python3', 'python']) {
    try {
      await run(name, ['-c', 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))']);
      return name;
    } catch {
      // The next name.
    }
  }
  return null;
}

/** Null only where it is allowed to be without. */
export async function schemathesis(): Promise<string | null> {
  if (existsSync(home)) return binOf(home, 'python');
  const interpreter = await python();
  if (interpreter === null) {
    if (process.env['ALLOW_NO_PYTHON'] === '1' && !process.env['CI']) return null;
    throw new Error('Python 3.10 or newer with venv is needed for schemathesis (install it, or set ALLOW_NO_PYTHON=1 outside CI)'); // prettier-ignore
  }
  mkdirSync(cache, { recursive: true });
  const own = mkdtempSync(path.join(cache, 'install-'));
  try {
    await run(interpreter, ['-m', 'venv', own]);
    await run(binOf(own, 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]); // prettier-ignore
    renameSync(own, home);
  } catch (error) {
    // Another run may have been quicker.
    if (!existsSync(home)) throw error;
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
  return binOf(home, 'python');
}

/** Runs it to its end; what it printed, and whether it found nothing. */
export function check(
  interpreter: string,
  args: readonly string[],
  cwd: string,
): Promise<{ ok: boolean; said: string }> {
  return new Promise((resolve, reject) => {
    const code = 'import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())';
    const child = spawn(interpreter, ['-c', code, 'run', ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stdout.on('data', (part: Buffer) => (said += part.toString('utf8')));
    child.stderr.on('data', (part: Buffer) => (said += part.toString('utf8')));
    child.once('error', reject);
    child.once('close', (exit) => resolve({ ok: exit === 0, said }));
  });
}
