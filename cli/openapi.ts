// `npm run openapi`: writes docs/openapi.json from the routes; without --write it prints the document.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { OPENAPI_FILE, openApiFile } from './openapi-file.ts';

const text = await openApiFile();
if (process.argv.includes('--write')) {
  mkdirSync(path.dirname(OPENAPI_FILE), { recursive: true });
  writeFileSync(OPENAPI_FILE, text);
  console.log('docs/openapi.json is written.');
} else {
  process.stdout.write(text);
}
