// All workflows of a worker share the modules that the bundle preloads: none of them may hold state of its own. The SDK freezes
// what modules export; what they keep to themselves it cannot reach, so their source is read here.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { createIsolate, type Isolate, LOCAL_ACTIVITIES } from '../../simulation/isolate.ts';
import { runSeed } from '../../simulation/schedule.ts';
import { bundleWorkflows } from '../../worker/workflow-bundle.ts';
import { tallyForTests } from './bundle.ts';

const BINDING = /^(?:export )?(?:let|var)\b.*/gm;
const CONTAINER = /^(?:export )?const (\w+)(?:: [^=]+)? = (?:\[|\{|new )/gm;
/** Of a container at a module's top, inside of any function: an assignment to a part of it, or a call that changes it. */
const changed = (name: string) =>
  new RegExp(`^\\s.*\\b${name}(?:\\??\\.\\w+|\\[[^\\]]*\\])*(?:(?:\\.\\w+|\\[[^\\]]*\\]) ?(?:[-+*/|&?]{0,2}=(?![=>])|\\+\\+|--)|\\??\\.(?:set|add|delete|clear|push|pop|shift|unshift|splice|sort|reverse|fill|copyWithin)\\().*`, 'm'); // prettier-ignore

const stateOf = (source: string): string[] => [
  ...(source.match(BINDING) ?? []),
  ...[...source.matchAll(CONTAINER)].flatMap(([, name]) => changed(name!).exec(source)?.[0].trim() ?? []),
];

test('no module of workflows and domain holds what one workflow could leave to another', () => {
  const found = ['workflows', 'domain'].flatMap((folder) => {
    const directory = new URL(`../../${folder}/`, import.meta.url);
    return readdirSync(directory).flatMap((file) =>
      stateOf(readFileSync(new URL(file, directory), 'utf8')).map((line) => `${folder}/${file}: ${line}`),
    );
  });
  // Filled while its module is evaluated, and only read afterwards.
  expect(found).toEqual(['domain/money.ts: RULES.set(code, { code, exponent, multiple, minimumMinor: MINIMUM[code] ?? fallback });']); // prettier-ignore
});

test.each([
  ['let last = 0;', 'let last = 0;'],
  ['const seen = new Set<string>();\nfunction f(id: string) {\n  seen.add(id);\n}', 'seen.add(id);'],
  ['const seen: Record<string, number> = {};\nfunction f(id: string) {\n  seen[id] = 1;\n}', 'seen[id] = 1;'],
  ['export const all = [];\nexport const f = () => {\n  all.push(1);\n};', 'all.push(1);'],
])('state would be seen: %s', (source, line) => {
  expect(stateOf(source)).toEqual([line]);
});

test('a seed after others in one isolate tells the same story as alone', async () => {
  const code = await bundleWorkflows();
  const story = async (isolate: Isolate) => {
    const lines: string[] = [];
    await runSeed(isolate, 7, tallyForTests(), { tell: (line) => lines.push(line) });
    return lines;
  };
  const alone = await story(createIsolate(code, LOCAL_ACTIVITIES));
  const shared = createIsolate(code, LOCAL_ACTIVITIES);
  for (let seed = 100; seed < 120; seed++) await runSeed(shared, seed, tallyForTests());
  expect(alone.length).toBeGreaterThan(10);
  expect(await story(shared)).toEqual(alone);
}, 120_000);
