// Notifications, which mails a person takes, and the outbox for staff.
import { Router } from 'express';
import { kindsFor } from '../../api/routes/notifications.ts';
import type { AppContext } from '../../api/context.ts';
import { notFound } from '../../api/escrow-commands.ts';
import { listMails } from '../../db/mails.ts';
import { countUnread, listNotifications, mailPreferences, markRead, setMailPreferences } from '../../db/messages.ts';
import { mayBeSwitchedOff } from '../../domain/messages.ts';
import { wordsOf } from '../../messages/words.ts';
import { fields, html, noticeOf, type PageCall, seeOther, signedIn } from '../page.ts';
import { NotificationsPage, OutboxPage, PreferencesPage } from '../pages/notifications.tsx';

const PER_PAGE = 50;

export function messageRoutes(context: AppContext): Router {
  const router = Router();
  router.get('/notifications', signedIn(context, null, list));
  router.post('/notifications/read', signedIn(context, null, readAll, { proof: false }));
  router.post('/notifications/:id/open', signedIn(context, null, open, { proof: false }));
  router.get('/preferences', signedIn(context, null, preferences));
  router.post('/preferences', signedIn(context, null, savePreferences, { proof: false }));
  router.get('/ops/outbox', signedIn(context, ['ops', 'auditor'], outbox));
  return router;
}

const afterOf = (call: PageCall): string | undefined => {
  const { after } = call.request.query;
  return typeof after === 'string' ? after : undefined;
};

async function list(call: PageCall): Promise<void> {
  const { context, reader, request, response } = call;
  const [rows, unread] = await Promise.all([
    listNotifications(context.sql, reader.person.id, { startingAfter: afterOf(call), limit: PER_PAGE + 1 }),
    countUnread(context.sql, reader.person.id),
  ]);
  const items = rows.slice(0, PER_PAGE);
  const older = rows.length > PER_PAGE ? `/notifications?after=${items.at(-1)!.id}` : null;
  html(response, <NotificationsPage reader={reader} items={items} unread={unread} older={older} notice={noticeOf(request)} />); // prettier-ignore
}

async function readAll({ context, reader, response }: PageCall): Promise<void> {
  await markRead(context.sql, reader.person.id, null);
  seeOther(response, '/notifications', 'all_read');
}

/** Whoever opens it has read it. */
async function open({ context, reader, request, response }: PageCall): Promise<void> {
  const item = await markRead(context.sql, reader.person.id, String(request.params['id']));
  if (item === null) throw notFound('notification');
  const { button } = wordsOf(item.kind, { reader, data: item.data, escrowId: item.escrow_id });
  seeOther(response, button?.to ?? '/notifications');
}

async function preferences({ context, reader, request, response }: PageCall): Promise<void> {
  const chosen = await mailPreferences(context.sql, reader.person.id);
  html(response, <PreferencesPage reader={reader} kinds={kindsFor(reader.person.role)} chosen={chosen} notice={noticeOf(request)} />); // prettier-ignore
}

async function savePreferences({ context, reader, request, response }: PageCall): Promise<void> {
  const wanted = new Set(fields(request, 'mail'));
  const kinds = kindsFor(reader.person.role).filter(mayBeSwitchedOff);
  await setMailPreferences(context.sql, reader.person.id, new Map(kinds.map((kind) => [kind, wanted.has(kind)])));
  seeOther(response, '/preferences', 'preferences_saved');
}

async function outbox(call: PageCall): Promise<void> {
  const { context, reader, response } = call;
  const rows = await listMails(context.sql, { startingAfter: afterOf(call), limit: PER_PAGE + 1 });
  const mails = rows.slice(0, PER_PAGE);
  const older = rows.length > PER_PAGE ? `/ops/outbox?after=${mails.at(-1)!.id}` : null;
  html(response, <OutboxPage reader={reader} mails={mails} sends={context.settings.smtpUrl !== undefined} older={older} />); // prettier-ignore
}
