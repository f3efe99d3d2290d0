// Part of `npm run check`: fails when docs/openapi.json, client/generated.ts, transitions.md, settings.md or guards.md is not what the
// code would write now, when README or docs/ point to what is not there, when an operation has no example, and when a guard that `npm run mutate` takes out has moved.
import { readFileSync } from 'node:fs';
import { faultsOfExamples } from '../api/examples.ts';
import { ROUTES } from '../api/routes/index.ts';
import { faultsOfMatrix } from '../test/authorization/routes.ts';
import { isEventType } from '../domain/event-types.ts';
import { EVENTS } from '../web/words.ts';
import { CLIENT_FILE, clientFile } from './client-file.ts';
import { faultsOfDocs } from './doc-links.ts';
import { OPENAPI_FILE, openApiFile } from './openapi-file.ts';
import { GUARDS_FILE, guardsDocument, staleMutations } from '../test/mutations/document.ts';
import { OPERATOR_FILE, operatorDocument } from './alerts-doc.ts';
import { SETTINGS_FILE, settingsDocument } from './settings-doc.ts';
import { TRANSITIONS_FILE, transitionsDocument } from './transitions-doc.ts';

function written(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
  } catch {
    return null;
  }
}

if (written(OPENAPI_FILE) !== (await openApiFile())) {
  console.error('docs/openapi.json is not in step with the code: run `npm run openapi` and commit it.');
  process.exitCode = 1;
}

if (written(CLIENT_FILE) !== (await clientFile())) {
  console.error('client/generated.ts is not in step with the routes: run `npm run openapi` and commit it.');
  process.exitCode = 1;
}

const generated = [
  { name: 'transitions.md', file: TRANSITIONS_FILE, text: await transitionsDocument() },
  { name: 'settings.md', file: SETTINGS_FILE, text: await settingsDocument() },
  { name: 'guards.md', file: GUARDS_FILE, text: await guardsDocument() },
  { name: 'operator.md', file: OPERATOR_FILE, text: await operatorDocument() },
];
for (const { name, file, text } of generated) {
  if (written(file) === text) continue;
  console.error(
    `docs/${name} is not in step with the code: run \`npx tsx cli/docs-diagram.ts --write\` and commit it.`,
  );
  process.exitCode = 1;
}

// The authorization matrix is complete: nothing is served that nobody decided about.
for (const fault of faultsOfMatrix()) {
  console.error(fault);
  process.exitCode = 1;
}

// Integrators are told of every line that a timeline can have.
for (const type of Object.keys(EVENTS).filter((name) => !isEventType(name))) {
  console.error(`domain/event-types.ts does not name ${type}: add it with a sentence, then run \`npm run openapi\`.`);
  process.exitCode = 1;
}

for (const fault of [...faultsOfExamples(ROUTES), ...faultsOfDocs(), ...staleMutations()]) {
  console.error(fault);
  process.exitCode = 1;
}
