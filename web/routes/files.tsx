// /files/<id>: the download, for whoever may read the escrow that it belongs to.
import { Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { notFound } from '../../api/escrow-commands.ts';
import { fileAnswer } from '../../api/files.ts';
import { send } from '../../api/route.ts';
import { contentOf, findFile } from '../../db/files.ts';
import { signedIn } from '../page.ts';

export function fileRoutes(context: AppContext): Router {
  const router = Router();
  router.get(
    '/files/:id',
    signedIn(context, null, async ({ viewer, request, response }) => {
      const file = await findFile(context.sql, viewer, String(request.params['id']));
      const content = file === null ? null : await contentOf(context.sql, file.id);
      if (file === null || content === null) throw notFound('file');
      send(response, fileAnswer(file, content));
    }),
  );
  return router;
}
