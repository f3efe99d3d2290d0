// `npm run openapi`: writes docs/openapi.json and client/generated.ts from the routes; without --write it prints the document.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CLIENT_FILE, clientFile } from './client-file.ts';
import { OPENAPI_FILE, openApiFile } from './openapi-file.ts';

const text = await openApiFile();
if (process.argv.includes('--write')) {
  mkdirSync(path.dirname(OPENAPI_FILE), { recursive: true });
  writeFileSync(OPENAPI_FILE, text);
  writeFileSync(CLIENT_FILE, await clientFile());
  console.log('docs/openapi.json and client/generated.ts are written.');
} else {
  process.stdout.write(text);
}
