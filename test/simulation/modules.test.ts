// All workflows of a worker share the modules that the bundle preloads: none of them may hold state of its own.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

const STATEFUL = /^(?:export )?(?:let|var)\b|^(?:export )?const \w+(?:: [^=]+)? = new (?:Map|Set|WeakMap|WeakSet)(?:<[^()]*>)?\(\);/gm; // prettier-ignore

test('no module of workflows and domain holds what one workflow could leave to another', () => {
  const found = ['workflows', 'domain'].flatMap((folder) => {
    const directory = new URL(`../../${folder}/`, import.meta.url);
    return readdirSync(directory).flatMap((file) =>
      [...readFileSync(new URL(file, directory), 'utf8').matchAll(STATEFUL)].map(
        ([line]) => `${folder}/${file}: ${line}`,
      ),
    );
  });
  // Filled while its module is evaluated, and only read afterwards.
  expect(found).toEqual([expect.stringMatching(/^domain\/money\.ts: const RULES = new Map/)]);
});
