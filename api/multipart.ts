// Bodies with files: read whole under a limit, parsed by the runtime's own FormData. Texts become strings, a name that comes
// again a list; files are File objects.
import express, { type Request, type RequestHandler } from 'express';
import { MAX_FILE_BYTES } from './file-types.ts';
import { Problem } from './problem.ts';

const TYPE = 'multipart/form-data';
/** One largest file and what stands around it. */
const ONE_FILE = MAX_FILE_BYTES + 64 * 1024;
/** Forms on pages take several. */
export const FORM_BYTES = 2 * MAX_FILE_BYTES + 64 * 1024;

type Fields = Record<string, string | File | (string | File)[]>;

/** Puts the parsed parts into `request.body`; bodies of another type are left alone. */
export function multipart(limit: number = ONE_FILE): RequestHandler {
  const raw = express.raw({ type: TYPE, limit });
  return async (request, response, next) => {
    await new Promise<void>((resolve, reject) => {
      raw(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error as Error)));
    });
    if (Buffer.isBuffer(request.body)) await parse(request);
    next();
  };
}

async function parse(request: Request): Promise<void> {
  const headers = { 'content-type': request.get('Content-Type') ?? '' };
  let form: FormData;
  try {
    form = await new globalThis.Response(new Uint8Array(request.body as Buffer), { headers }).formData();
  } catch (error) {
    throw new Problem('multipart_invalid', undefined, { cause: error });
  }
  const fields: Fields = Object.create(null) as Fields;
  for (const name of new Set(form.keys())) {
    const values = form.getAll(name);
    fields[name] = values.length === 1 ? values[0]! : values;
  }
  request.body = { ...fields };
}
