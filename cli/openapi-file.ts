// docs/openapi.json as it should be: the document of the routes, in the repository's format.
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { openApiText } from '../api/openapi.ts';
import { ROUTES } from '../api/routes/index.ts';

export const OPENAPI_FILE = fileURLToPath(new URL('../docs/openapi.json', import.meta.url));

export async function openApiFile(): Promise<string> {
  return format(openApiText(ROUTES), { ...(await resolveConfig(OPENAPI_FILE)), filepath: OPENAPI_FILE });
}
