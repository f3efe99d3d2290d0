// `npm start`: the whole product on this machine, until Ctrl-C.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { SettingsError, describeSettings } from '../config/settings.ts';
import { StartProblem } from '../sandbox/problem.ts';
import { whenLauncherEnds } from './launcher-watch.ts';
import { PartFailure } from './part-process.ts';
import { prepareStack } from './stack.ts';
import type { PreparedStack, Stack } from './stack.ts';
import { oneLine } from './supervisor.ts';

const peopleSchema = z.record(
  z.string(),
  z.object({ email: z.string(), password: z.string(), api_key: z.string() }).partial(),
);

async function main(): Promise<void> {
  const unknown = process.argv.slice(2).filter((argument) => !['--help', '-h'].includes(argument));
  if (unknown.length > 0)
    throw new SettingsError(`unknown argument ${unknown[0]}: npm start -- --help lists the settings`);
  if (process.argv.length > 2) {
    console.log(
      `npm start: everything on this machine. What is not set runs embedded, in DATA_DIR.\n\n${describeSettings()}`,
    );
    return;
  }
  const began = Date.now();
  let prepared: PreparedStack | undefined;
  let stopping = false;
  const onSignal = () => {
    if (stopping) {
      prepared?.force();
      process.exit(130);
    }
    stopping = true;
    console.log('stopping (again to end at once)');
    void prepared?.stop().then(
      () => {
        console.log('stopped');
        process.exit(0);
      },
      () => process.exit(1),
    );
    if (prepared === undefined) process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  whenLauncherEnds(() => stopping || onSignal());
  // A terminal or a pipe that has gone must not stop us from stopping the parts.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});

  prepared = await prepareStack({ say: (line) => stopping || console.log(line) });
  const { settings } = prepared;
  const { embedded } = settings;
  const parts = [
    `PostgreSQL ${embedded.postgres ? 'embedded' : 'by DATABASE_URL'}`,
    `Temporal ${embedded.temporal ? 'embedded' : settings.temporal.address}`,
    `Stripe ${embedded.stripe ? 'sandbox' : settings.mode}`,
  ];
  console.log(`starting: ${parts.join(', ')}; data in ${settings.dataDir}`);
  let stack: Stack;
  try {
    stack = await prepared.start();
  } catch (error) {
    // Ctrl-C while starting: the signal's handler ends the process when everything is down.
    if (stopping) return;
    throw error;
  }
  console.log(welcome(stack, (Date.now() - began) / 1000));
}

function welcome(stack: Stack, seconds: number): string {
  const { urls, settings } = stack;
  const lines = [`Tranche is ready (${seconds.toFixed(1)} s).`, '', `  Pages           ${urls.pages}`];
  lines.push(`  API docs        ${urls.docs}`);
  if (urls.temporalUi !== undefined) lines.push(`  Temporal UI     ${urls.temporalUi}`);
  if (urls.stripeSandbox !== undefined) lines.push(`  Stripe sandbox  ${urls.stripeSandbox}`);
  lines.push(...people(settings.dataDir));
  lines.push(
    '',
    `  Data and logs in ${settings.dataDir}. Next: npm run demo. Ctrl-C stops everything and keeps the data.`,
  );
  return lines.join('\n');
}

/** Only in the sandbox is there such a file: made-up people with known passwords. */
function people(dataDir: string): string[] {
  const file = path.join(dataDir, 'people.json');
  if (!existsSync(file)) return [];
  const parsed = peopleSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success) return [];
  const rows = Object.entries(parsed.data).map(([role, person]) => {
    return [role, person.email ?? '', person.password ?? '', person.api_key ?? ''];
  });
  const table = [['', 'e-mail', 'password', 'API key'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  return [
    '',
    ...table.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd()),
  ];
}

try {
  await main();
} catch (error) {
  const isPlain = error instanceof SettingsError || error instanceof StartProblem || error instanceof PartFailure;
  console.error(isPlain ? `cannot start: ${oneLine(error)}` : error);
  process.exit(1);
}
