// `npm run bench [-- --quick] [--only NAME,…] [--write]`: every figure of speed and cost beside its floor or peer in the
// same run. --write puts the tables into docs/performance.md. Last line JSON: `ok` says that the figures were obtained and
// nothing was lost or doubled; goals that are missed are named in `missed`.
import { parseArgs } from 'node:util';
import { type Bench, startBench } from '../bench/context.ts';
import { cost } from '../bench/cost.ts';
import { writeSections } from '../bench/document.ts';
import { escrows } from '../bench/escrows.ts';
import { ledger } from '../bench/ledger.ts';
import { machine } from '../bench/machine.ts';
import { memory } from '../bench/memory.ts';
import { pages } from '../bench/pages.ts';
import type { Section } from '../bench/section.ts';
import { signals } from '../bench/signals.ts';
import { webhooks } from '../bench/webhooks.ts';
import { finishWith, table } from './report.ts';

/** In this order: the first two need no worker, and later ones find the escrows of earlier ones. */
const SECTIONS: Record<string, (bench: Bench) => Promise<Section>> = {
  webhooks,
  ledger,
  escrows,
  signals,
  pages,
  memory,
  cost,
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean' }, write: { type: 'boolean' }, only: { type: 'string' } },
  });
  const named = values.only?.split(',');
  const unknown = named?.filter((name) => !(name in SECTIONS)) ?? [];
  if (unknown.length > 0) throw new Error(`--only ${unknown.join(',')}: there is ${Object.keys(SECTIONS).join(', ')}`);
  const wanted = Object.keys(SECTIONS).filter((name) => named?.includes(name) ?? true);
  const { text, cores, load } = machine();
  const began = Date.now();
  console.log(`${text}; load before the run ${load}`);
  const bench = await startBench({ quick: values.quick === true, say: (line) => console.log(`  ${line}`) });
  const stop = () => void bench.stop().finally(() => process.exit(1));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const note = load > cores / 2 ? `; the machine had other work (load ${load})` : '';
  const how = values.quick === true ? 'Measured by a quick run' : 'Measured';
  const measured = `${how}, ${new Date().toISOString().slice(0, 10)}, on ${text}${note}.`;
  const done: Section[] = [];
  try {
    for (const name of wanted) {
      console.log(`\n${name}`);
      const section = await within(name, SECTIONS[name]!(bench));
      console.log(table(section.table.header, section.table.rows));
      for (const { goal, figure, met } of Object.values(section.goals)) console.log(`${met ? 'met   ' : 'MISSED'} ${goal}: ${figure}`); // prettier-ignore
      // At once: a section that fails later takes no other's figures with it.
      if (values.write === true) await writeSections([section], measured);
      done.push(section);
    }
  } finally {
    await bench.stop();
  }
  const seconds = Math.round((Date.now() - began) / 1000);
  const goals = Object.assign({}, ...done.map((s) => s.goals)) as Section['goals'];
  finishWith({
    ok: done.every((section) => section.ok),
    seconds,
    machine: text,
    load_before: load,
    missed: Object.entries(goals).filter(([, { met }]) => !met).map(([name]) => name), // prettier-ignore
    ...Object.fromEntries(Object.entries(goals).map(([name, { figure }]) => [name, figure])),
    ...(Object.assign({}, ...done.map((s) => s.figures)) as object),
  });
}

/** However slow the machine is: a measurement that hangs ends the run with its name. */
const SECTION_MS = 600_000;

async function within<T>(name: string, measured: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} took longer than ${SECTION_MS / 1000} s`)), SECTION_MS);
  });
  return Promise.race([measured, late]).finally(() => clearTimeout(timer));
}

main().catch((error: unknown) => {
  console.error(error);
  finishWith({ ok: false, error: error instanceof Error ? error.message : String(error) });
});
