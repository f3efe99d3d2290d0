// `npm run demo`: escrows of every kind through the public API of the running stack, a live table, then the proof that
// nothing is missing.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { loadSettings, SettingsError } from '../config/settings.ts';
import type { Settings } from '../config/settings.ts';
import { createClient } from '../client/index.ts';
import { Deal } from './demo/deal.ts';
import type { Cast, Person } from './demo/deal.ts';
import { kinds } from './demo/kinds.ts';
import { unhappyKinds } from './demo/unhappy-kinds.ts';
import { liveTable, moneyTable } from './demo/live-table.ts';
import type { Run } from './demo/live-table.ts';
import { finishWith } from './report.ts';

const DEADLINE_MS = 90_000;

const personSchema = z.object({ id: z.string(), api_key: z.string() });
const peopleSchema = z.object({
  buyer: personSchema,
  seller: personSchema,
  seller2: personSchema,
  seller3: personSchema.optional(),
  ops: personSchema,
  ops2: personSchema,
});

async function main(): Promise<void> {
  const began = Date.now();
  const settings = loadSettings();
  if (!settings.sandbox) throw new SettingsError('the demo needs the Stripe sandbox: it plays the buyer’s bank');
  const baseUrl = settings.publicUrl;
  await isUp(baseUrl);
  const cast = castOf(settings, baseUrl);

  const runs = [...kinds, ...unhappyKinds].map((kind): Run & { kind: (typeof kinds)[number] } => ({
    kind,
    deal: new Deal(kind.name, cast),
    state: 'running',
  }));
  const live = liveTable(runs, process.stdout);
  const failures: { kind: string; id: string | null; reason: string }[] = [];
  const play = async (run: (typeof runs)[number]) => {
    run.deal.onChange = () => live.changed(run);
    try {
      await run.kind.run(run.deal);
      const faults = await run.deal.prove();
      if (faults.length > 0) throw new Error(faults.join('; '));
      run.state = 'ok';
    } catch (error) {
      run.state = 'failed';
      const reason = error instanceof Error ? error.message : String(error);
      failures.push({ kind: run.kind.name, id: run.deal.seen?.id ?? null, reason });
    }
    live.changed(run);
  };
  // The unhappy ways change sellers' accounts: they come after the others, one after another where they share a seller.
  await Promise.all(runs.slice(0, kinds.length).map(play));
  for (const run of runs.slice(kinds.length)) await play(run);
  live.end();

  console.log('\nThe proof, read again from the API: charged + owed + absorbed = held + released + refunded +');
  console.log('charged_back + fees + tax, and the transfers of each escrow are what it released.\n');
  console.log(moneyTable(runs, { running: '?', ok: '=', failed: '≠' }));
  for (const failure of failures) console.log(`\n≠ ${failure.kind} (${failure.id ?? 'no escrow'}): ${failure.reason}`);
  if (settings.temporal.uiUrl !== undefined) {
    console.log(
      `\nWhat each escrow did and why: ${settings.temporal.uiUrl}/namespaces/${settings.temporal.namespace}/workflows`,
    );
  }
  console.log('');
  finishWith({
    ok: failures.length === 0,
    escrows: runs.length,
    kinds: Object.fromEntries(runs.map((run) => [run.kind.name, run.state])),
    transfers: runs.reduce((sum, run) => sum + run.deal.transferCount, 0),
    identities: runs.filter((run) => run.state === 'ok').length,
    seconds: Number(((Date.now() - began) / 1000).toFixed(1)),
    ...(failures.length === 0 ? {} : { failures }),
  });
}

async function isUp(baseUrl: string): Promise<void> {
  try {
    const response = await fetch(`${baseUrl}/healthz`, { signal: AbortSignal.timeout(5000) });
    await response.body?.cancel();
    if (response.ok) return;
    throw new SettingsError(
      `${baseUrl}/healthz answers ${response.status}: wait until \`npm start\` says that it is ready`,
    );
  } catch (error) {
    if (error instanceof SettingsError) throw error;
    throw new SettingsError(`nothing answers on ${baseUrl}: run \`npm start\` first`, { cause: error });
  }
}

function castOf(settings: Settings, baseUrl: string): Cast {
  const file = path.join(settings.dataDir, 'people.json');
  if (!existsSync(file)) throw new SettingsError(`${file} is missing: run \`npm start\` first, it seeds the people`);
  const people = peopleSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const as = (person: z.infer<typeof personSchema>): Person => ({
    id: person.id,
    api: createClient({ baseUrl, apiKey: person.api_key }),
  });
  return {
    buyer: as(people.buyer),
    sellers: { seller: as(people.seller), seller2: as(people.seller2), seller3: as(people.seller3 ?? people.seller2) },
    ops: as(people.ops),
    ops2: as(people.ops2),
    sandboxUrl: settings.stripe.apiBase ?? `http://127.0.0.1:${settings.ports.stripeSandbox}`,
    deadlineMs: DEADLINE_MS,
  };
}

try {
  await main();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  console.error(error instanceof SettingsError ? message : error);
  finishWith({ ok: false, error: message });
}
