// /ops/audit: the log with its filters in the address, and its verification.
import { Router } from 'express';
import type { AppContext } from '../../api/context.ts';
import { listAudit, verifyAudit } from '../../db/audit.ts';
import { html, type PageCall, signedIn } from '../page.ts';
import { AuditPage } from '../pages/audit.tsx';
import { namesOf } from '../reads.ts';

const PER_PAGE = 50;

export function auditRoutes(context: AppContext): Router {
  const router = Router();
  router.get('/ops/audit', signedIn(context, ['ops', 'auditor'], audit));
  return router;
}

async function audit({ context, viewer, reader, request, response }: PageCall): Promise<void> {
  const text = (name: string): string => {
    const value = request.query[name];
    return typeof value === 'string' ? value.trim() : '';
  };
  const [subject, actor, after] = [text('subject'), text('actor'), text('after')];
  const rows = await listAudit(context.sql, viewer.entityId, {
    subject: subject === '' ? undefined : subject,
    actorId: actor === '' ? undefined : actor,
    startingAfter: /^\d{1,18}$/.test(after) ? BigInt(after) : undefined,
    limit: PER_PAGE + 1,
  });
  const entries = rows.slice(0, PER_PAGE);
  const names = await namesOf(context.sql, entries.map((e) => e.actor_id)); // prettier-ignore
  const filters = new URLSearchParams({ ...(subject === '' ? {} : { subject }), ...(actor === '' ? {} : { actor }) });
  if (rows.length > PER_PAGE) filters.set('after', entries.at(-1)!.id.toString());
  const older = rows.length > PER_PAGE ? `/ops/audit?${filters.toString()}` : null;
  const chain = text('verify') === 'true' ? await verifyAudit(context.sql) : null;
  html(response, <AuditPage reader={reader} entries={entries} names={names} subject={subject} actor={actor} older={older} chain={chain} />); // prettier-ignore
}
