// /v1/files: uploading for an escrow, reading, downloading.
import { z } from 'zod';
import { contentOf, findFile, listFiles } from '../../db/files.ts';
import { newId } from '../../db/ids.ts';
import * as bodies from '../bodies.ts';
import { runOnce } from '../commands.ts';
import { notFound, viewerOf } from '../escrow-commands.ts';
import { ACCEPTED_IN_WORDS } from '../file-types.ts';
import { fileAnswer, fileSchema, fileView, sha256Of, storeFile } from '../files.ts';
import { EVERYBODY, route } from '../route.ts';
import { listOf, problem } from '../schemas.ts';

const tag = 'Files';
const params = z.object({ id: z.string().describe('Id of the file.') });

const upload = z.strictObject({
  escrow_id: z.string().describe('The escrow that it belongs to.'),
  file: z.file('takes a file: send it as a part with a file name').meta({ type: 'string', format: 'binary' }),
});

export const fileRoutes = [
  route({
    method: 'post',
    path: '/v1/files',
    operationId: 'uploadFile',
    tag,
    summary: 'Upload a file for an escrow',
    description: `At most 10 MB: ${ACCEPTED_IN_WORDS}, told by the content; a name that says something else is refused. Name the file's id in \`submit\`, \`dispute\`, \`reply\` or \`evidence\`; until then only you see it, and it is dropped after a day.`,
    roles: ['buyer', 'seller', 'ops'],
    body: upload,
    bodyType: 'multipart/form-data',
    responses: {
      201: { description: 'The file.', schema: fileSchema },
      404: { description: 'There is no such escrow, or it is not yours.', schema: problem },
    },
    handler: async ({ context, caller, body, key, route }) => {
      const named = { escrow_id: body.escrow_id, name: body.file.name, sha256: sha256Of(Buffer.from(await body.file.arrayBuffer())) }; // prettier-ignore
      return runOnce(context, { caller, route, key, body: named }, { id: newId('file') }, async (ids) => {
        const stored = await storeFile(context, caller, body.escrow_id, body.file, ids['id']!);
        return { status: 201, body: fileView(stored) };
      });
    },
  }),
  route({
    method: 'get',
    path: '/v1/files',
    operationId: 'listFiles',
    tag,
    summary: 'List files, newest first',
    roles: EVERYBODY,
    query: bodies.page.extend({ escrow_id: z.string().optional() }),
    responses: { 200: { description: 'A page of files.', schema: listOf(fileSchema) } },
    handler: async ({ context, caller, query }) => {
      const { escrow_id: escrowId, starting_after: startingAfter, limit } = query;
      const rows = await listFiles(context.sql, viewerOf(caller), { escrowId, startingAfter, limit: limit + 1 });
      return { status: 200, body: { data: rows.slice(0, limit).map(fileView), has_more: rows.length > limit } };
    },
  }),
  route({
    method: 'get',
    path: '/v1/files/{id}',
    operationId: 'getFile',
    tag,
    summary: 'Read what a file is',
    roles: EVERYBODY,
    params,
    responses: { 200: { description: 'The file, without its content.', schema: fileSchema } },
    handler: async ({ context, caller, params: { id } }) => {
      const file = await findFile(context.sql, viewerOf(caller), id);
      if (file === null) throw notFound('file');
      return { status: 200, body: fileView(file) };
    },
  }),
  route({
    method: 'get',
    path: '/v1/files/{id}/content',
    operationId: 'downloadFile',
    tag,
    summary: 'Download a file',
    roles: EVERYBODY,
    params,
    responses: {
      200: {
        description: 'The bytes as they were uploaded; `Repr-Digest` carries their SHA-256.',
        schema: z.string().meta({ format: 'binary' }),
        mediaType: 'application/octet-stream',
      },
    },
    handler: async ({ context, caller, params: { id } }) => {
      const file = await findFile(context.sql, viewerOf(caller), id);
      const content = file === null ? null : await contentOf(context.sql, file.id);
      if (file === null || content === null) throw notFound('file');
      return fileAnswer(file, content);
    },
  }),
];
