// `tsx cli/docs-diagram.ts --write`: writes transitions.md, settings.md, guards.md and the alerts of operator.md in docs/ from the code; without --write
// prints them.
import { writeFileSync } from 'node:fs';
import { GUARDS_FILE, guardsDocument } from '../test/mutations/document.ts';
import { OPERATOR_FILE, operatorDocument } from './alerts-doc.ts';
import { SETTINGS_FILE, settingsDocument } from './settings-doc.ts';
import { TRANSITIONS_FILE, transitionsDocument } from './transitions-doc.ts';

const documents = [
  { file: TRANSITIONS_FILE, text: await transitionsDocument() },
  { file: SETTINGS_FILE, text: await settingsDocument() },
  { file: GUARDS_FILE, text: await guardsDocument() },
  { file: OPERATOR_FILE, text: await operatorDocument() },
];
for (const { file, text } of documents) {
  if (process.argv.includes('--write')) writeFileSync(file, text);
  else process.stdout.write(text);
}
