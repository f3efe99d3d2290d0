// Forms that carry files: read only for somebody who is signed in, kept at once, so that a refused form need not choose them again.
import { createHash } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { AppContext } from '../api/context.ts';
import { storeFile } from '../api/files.ts';
import { FORM_BYTES, multipart } from '../api/multipart.ts';
import { toProblem } from '../api/problem.ts';
import { idFromUuid } from '../domain/ids.ts';
import { fields, type PageCall } from './page.ts';
import { checkOrigin, sessionOf } from './session.ts';

export function formsWithFiles(context: AppContext): RequestHandler {
  const read = multipart(FORM_BYTES);
  return async (request, response, next) => {
    if (request.method !== 'POST' || request.is('multipart/form-data') === false) return next();
    checkOrigin(request, context.settings);
    // Nobody unknown sends large bodies; the page behind asks them to sign in.
    if ((await sessionOf(context, request)) === null) return next();
    await read(request, response, next);
  };
}

export interface Uploads {
  /** Of this form: kept by an earlier try and still ticked, and new. */
  ids: string[];
  /** Why one was not taken, in words. */
  refusal: string | null;
}

/** Keeps the files of a form, under the name `files` or another. The same form sent twice keeps each once. */
export async function takeUploads(call: PageCall, escrowId: string, key: string, name = 'files'): Promise<Uploads> {
  const { context, caller, request } = call;
  const ids = name === 'files' ? fields(request, 'file_ids') : [];
  const given: unknown[] = [(request.body as Record<string, unknown> | undefined)?.[name]].flat();
  // A field that was left empty is sent as a file without a name.
  const files = given.filter((each): each is File => each instanceof File && (each.name !== '' || each.size > 0));
  for (const file of files) {
    const content = createHash('sha256')
      .update(Buffer.from(await file.arrayBuffer()))
      .digest('hex');
    const id = idFromUuid('file', createHash('sha256').update(`${caller.ownerId}:${key}:${name}:${file.name}:${content}`).digest('hex').slice(0, 32)); // prettier-ignore
    try {
      ids.push((await storeFile(context, caller, escrowId, file, id)).id);
    } catch (error) {
      const problem = toProblem(error);
      if (problem.code !== 'file_invalid') throw error;
      return { ids, refusal: problem.message };
    }
  }
  return { ids: [...new Set(ids)], refusal: null };
}
