// `npm run doctor`: what this machine has, what is missing, and how to get it. Changes nothing.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { totalmem, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SettingsError, loadSettings } from '../config/settings.ts';
import type { Settings } from '../config/settings.ts';
import { packagedBinaries } from '../sandbox/postgres-files.ts';
import { checkPort } from '../sandbox/ports.ts';
import { TEMPORAL_VERSION, locateTemporal } from '../sandbox/temporal.ts';
import { oneLine } from './supervisor.ts';

/** missing: it will not run so; warning: it runs, or only a part is affected. */
type Finding = { state: 'ok' | 'warning' | 'missing'; what: string; hint?: string };

const GIGABYTE = 1024 ** 3;
const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const what = `Node ${process.versions.node}`;
  if (major > 20 || (major === 20 && minor >= 11)) return { state: 'ok', what };
  return { state: 'missing', what: `${what} is too old`, hint: 'install Node 20.11 or newer: https://nodejs.org' };
}

function packages(): Finding {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(
    readFileSync(path.join(root, 'package.json'), 'utf8'),
  ) as { dependencies?: Record<string, string>; devDependencies?: Record<string, string> };
  const installed = (name: string) => existsSync(path.join(root, 'node_modules', name, 'package.json'));
  const missing = Object.keys(dependencies).filter((name) => !installed(name));
  if (missing.length > 0) return { state: 'missing', what: `npm packages: ${missing.join(', ')}`, hint: 'npm ci' };
  const missingForTests = Object.keys(devDependencies).filter((name) => !installed(name));
  if (missingForTests.length === 0) return { state: 'ok', what: 'npm packages' };
  return { state: 'warning', what: `npm packages for tests: ${missingForTests.join(', ')}`, hint: 'npm ci' };
}

function postgresBinary(settings: Settings): Finding {
  if (!settings.embedded.postgres) return { state: 'ok', what: 'PostgreSQL by DATABASE_URL' };
  const { postgres, version } = packagedBinaries();
  try {
    const said = execFileSync(postgres, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
    return {
      state: 'ok',
      what: `${said}, embedded${process.getuid?.() === 0 ? ' (it will run as user postgres, not as root)' : ''}`,
    };
  } catch (error) {
    return {
      state: 'missing',
      what: `the embedded PostgreSQL ${version} does not run here: ${oneLine(error).slice(0, 200)}`,
      hint: 'set DATABASE_URL to a PostgreSQL 18 of yours',
    };
  }
}

async function temporalBinary(settings: Settings): Promise<Finding> {
  if (!settings.embedded.temporal) return { state: 'ok', what: `Temporal at ${settings.temporal.address}` };
  const found = await locateTemporal();
  if (found !== undefined) return { state: 'ok', what: `Temporal server: ${found.path}` };
  const go = hasGo();
  return {
    state: 'warning',
    what: 'no Temporal server yet',
    hint: `npm start downloads it${go ? `, or builds ${TEMPORAL_VERSION} with Go in about 5 minutes` : ''}; or put \`temporal\` on PATH: https://docs.temporal.io/cli${go ? '' : ' (without network and without Go nothing else helps)'}`,
  };
}

function hasGo(): boolean {
  const directories = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/local/go/bin'];
  return directories.some((directory) =>
    existsSync(path.join(directory, process.platform === 'win32' ? 'go.exe' : 'go')),
  );
}

async function ports(settings: Settings): Promise<Finding[]> {
  const { embedded, ports } = settings;
  const needed: [number, string, boolean][] = [
    [settings.port, 'PORT', true],
    [ports.postgres, 'POSTGRES_PORT', embedded.postgres],
    [ports.temporal, 'TEMPORAL_PORT', embedded.temporal],
    [ports.temporalUi, 'TEMPORAL_UI_PORT', embedded.temporal],
    [ports.stripeSandbox, 'STRIPE_SANDBOX_PORT', embedded.stripe],
  ];
  const findings: Finding[] = [];
  for (const [port, setting, wanted] of needed) {
    if (!wanted) continue;
    const host = setting === 'PORT' ? settings.host : '127.0.0.1';
    const problem = await checkPort(port, setting, host).then(
      () => undefined,
      (error: unknown) => oneLine(error),
    );
    if (problem !== undefined) findings.push({ state: 'missing', what: problem });
  }
  const all = needed.filter(([, , wanted]) => wanted).map(([port]) => port);
  return findings.length > 0 ? findings : [{ state: 'ok', what: `ports ${all.join(', ')} are free` }];
}

function disk(settings: Settings): Finding {
  // DATA_DIR may not be there yet: its nearest parent tells.
  let directory = settings.dataDir;
  while (!existsSync(directory) && path.dirname(directory) !== directory) directory = path.dirname(directory);
  const { bavail, bsize } = statfsSync(directory);
  const free = (bavail * bsize) / GIGABYTE;
  const what = `${free.toFixed(1)} GB free for ${settings.dataDir}`;
  if (free < 0.5) return { state: 'missing', what, hint: 'free at least 1 GB, or set DATA_DIR' };
  return free < 2 ? { state: 'warning', what, hint: 'building Temporal needs about 2 GB' } : { state: 'ok', what };
}

function memory(): Finding {
  const total = totalmem() / GIGABYTE;
  const what = `${total.toFixed(1)} GB of memory`;
  return total < 1.8 ? { state: 'warning', what, hint: 'the whole stack wants about 1.5 GB' } : { state: 'ok', what };
}

function writable(): Finding {
  try {
    rmSync(mkdtempSync(path.join(tmpdir(), 'tranche-doctor-')), { recursive: true });
    return { state: 'ok', what: `temporary files in ${tmpdir()}` };
  } catch (error) {
    return { state: 'missing', what: `temporary files: ${oneLine(error)}`, hint: 'set TMPDIR' };
  }
}

function chromium(): Finding {
  const own = process.env['CHROMIUM_PATH'];
  if (own !== undefined && existsSync(own)) return { state: 'ok', what: `Chromium: ${own}` };
  try {
    const entry = require.resolve('@sparticuz/chromium');
    const packed = path.join(entry.slice(0, entry.lastIndexOf('chromium') + 'chromium'.length), 'bin', 'chromium.br');
    if (existsSync(packed) && process.platform === 'linux')
      return { state: 'ok', what: 'Chromium of npm, for browser tests' };
  } catch {
    // Said below.
  }
  return {
    state: 'warning',
    what: 'no Chromium for the browser tests',
    hint: 'npm ci on Linux brings one; elsewhere set CHROMIUM_PATH to a Chrome',
  };
}

async function examine(): Promise<Finding[]> {
  const guarded = async (check: () => Finding | Finding[] | Promise<Finding | Finding[]>): Promise<Finding[]> => {
    try {
      return [await check()].flat();
    } catch (error) {
      return [{ state: 'missing', what: oneLine(error) }];
    }
  };
  const findings = [nodeVersion(), ...(await guarded(packages))];
  let settings: Settings;
  try {
    settings = loadSettings();
    findings.push({ state: 'ok', what: `settings: ${settings.mode} mode` });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return [...findings, { state: 'missing', what: error.message, hint: 'npm start -- --help lists the settings' }];
  }
  // Inside a running stack its ports are taken by itself.
  const own = loadSettings(process.env, { joinRunningStack: false });
  const isRunning = own.embedded.postgres && !settings.embedded.postgres;
  const checks = [
    () => postgresBinary(own),
    () => temporalBinary(own),
    () => (isRunning ? { state: 'ok' as const, what: `a stack runs on ${own.dataDir}` } : ports(own)),
    () => disk(own),
    memory,
    writable,
    chromium,
  ];
  for (const check of checks) findings.push(...(await guarded(check)));
  return findings;
}

const signs = { ok: 'ok      ', warning: 'warning ', missing: 'missing ' };
const findings = await examine();
for (const { state, what, hint } of findings) {
  console.log(`${signs[state]} ${what}${hint === undefined ? '' : `\n          → ${hint}`}`);
}
const missing = findings.filter((finding) => finding.state === 'missing').length;
console.log(missing === 0 ? '\nnpm start will run here.' : `\n${missing} to mend before npm start runs here.`);
process.exitCode = missing === 0 ? 0 : 1;
