// `tsx cli/docs-diagram.ts --write`: writes docs/transitions.md and docs/settings.md from the code; without --write prints them.
import { writeFileSync } from 'node:fs';
import { SETTINGS_FILE, settingsDocument } from './settings-doc.ts';
import { TRANSITIONS_FILE, transitionsDocument } from './transitions-doc.ts';

const documents = [
  { file: TRANSITIONS_FILE, text: await transitionsDocument() },
  { file: SETTINGS_FILE, text: await settingsDocument() },
];
for (const { file, text } of documents) {
  if (process.argv.includes('--write')) writeFileSync(file, text);
  else process.stdout.write(text);
}
