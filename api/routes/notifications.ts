// /v1/notifications: what a person was told of, whether it still waits on them, and which mails they take.
import { z } from 'zod';
import { countUnread, listNotifications, mailPreferences, markRead, type Notification, setMailPreferences } from '../../db/messages.ts'; // prettier-ignore
import type { Role } from '../../domain/escrow-state.ts';
import { mayBeSwitchedOff, MESSAGE_KINDS, type MessageKind } from '../../domain/messages.ts';
import { wordsOf } from '../../messages/words.ts';
import * as bodies from '../bodies.ts';
import { runOnce } from '../commands.ts';
import type { Caller } from '../context.ts';
import { notFound } from '../escrow-commands.ts';
import { Problem } from '../problem.ts';
import { EVERYBODY, route } from '../route.ts';
import * as schemas from '../schemas.ts';

const tag = 'Notifications';
const instant = z.iso.datetime();

const schema = z
  .object({
    id: z.string().describe('Id of the notification (ntf_…).'),
    object: z.literal('notification'),
    kind: z.string().describe('What it is about, as a name, such as `review`.'),
    subject: z.string(),
    text: z.string(),
    escrow_id: z.string().nullable(),
    waiting: z.boolean().describe('True while it waits on you.'),
    created_at: instant,
    read_at: instant.nullable(),
  })
  .meta({ id: 'Notification' });

const preferenceSchema = z
  .object({
    kind: z.string(),
    label: z.string(),
    mail: z.boolean().describe('Whether it is mailed too; in the list it always stands.'),
    required: z.boolean().describe('About money or security: its mail cannot be switched off.'),
  })
  .meta({ id: 'NotificationPreference' });

const view = ({ person }: Caller, n: Notification): z.infer<typeof schema> => {
  const { subject, says } = wordsOf(n.kind, { reader: person, data: n.data, escrowId: n.escrow_id });
  return {
    id: n.id,
    object: 'notification',
    kind: n.kind,
    subject,
    text: says.join(' '),
    escrow_id: n.escrow_id,
    waiting: n.waits && n.settled_at === null,
    created_at: n.created_at.toISOString(),
    read_at: n.read_at?.toISOString() ?? null,
  };
};

/** The kinds that somebody of this role can get. */
export const kindsFor = (role: Role): MessageKind[] =>
  (Object.keys(MESSAGE_KINDS) as MessageKind[]).filter((kind) => MESSAGE_KINDS[kind].roles.includes(role as never));

const preferencesOf = (role: Role, chosen: ReadonlyMap<string, boolean>): z.infer<typeof preferenceSchema>[] =>
  kindsFor(role).map((kind) => {
    const required = !mayBeSwitchedOff(kind);
    return { kind, label: MESSAGE_KINDS[kind].label, mail: required || (chosen.get(kind) ?? true), required };
  });

export const notificationRoutes = [
  route({
    method: 'get',
    path: '/v1/notifications',
    operationId: 'listNotifications',
    tag,
    summary: 'What you were told of, newest first',
    description: 'Everything that waits on you is told here, and by mail where you take it.',
    roles: EVERYBODY,
    query: bodies.page.extend({ unread: z.enum(['true', 'false']).optional() }),
    responses: {
      200: {
        description: 'A page of notifications.',
        schema: schemas.listOf(schema).extend({ unread: z.int().describe('How many you have not read.') }),
      },
    },
    handler: async ({ context, caller, query }) => {
      const { limit, starting_after: startingAfter } = query;
      const filter = { unread: query.unread === 'true', startingAfter, limit: limit + 1 };
      const [rows, unread] = await Promise.all([
        listNotifications(context.sql, caller.person.id, filter),
        countUnread(context.sql, caller.person.id),
      ]);
      const data = rows.slice(0, limit).map((row) => view(caller, row));
      return { status: 200, body: { data, has_more: rows.length > limit, unread } };
    },
  }),
  route({
    method: 'post',
    path: '/v1/notifications/{id}/read',
    operationId: 'readNotification',
    tag,
    summary: 'Mark one of your notifications as read',
    roles: EVERYBODY,
    params: z.object({ id: z.string() }),
    body: bodies.empty,
    responses: { 200: { description: 'The notification.', schema } },
    handler: ({ context, caller, params, body, key, route }) =>
      runOnce(context, { caller, route, key, body }, {}, async () => {
        const row = await markRead(context.sql, caller.person.id, params.id);
        if (row === null) throw notFound('notification');
        return { status: 200, body: view(caller, row) };
      }),
  }),
  route({
    method: 'get',
    path: '/v1/notification_preferences',
    operationId: 'listNotificationPreferences',
    tag,
    summary: 'Which mails you take',
    roles: EVERYBODY,
    responses: {
      200: { description: 'Each kind that you can get.', schema: z.object({ data: z.array(preferenceSchema) }) },
    },
    handler: async ({ context, caller }) => {
      const chosen = await mailPreferences(context.sql, caller.person.id);
      return { status: 200, body: { data: preferencesOf(caller.person.role, chosen) } };
    },
  }),
  route({
    method: 'post',
    path: '/v1/notification_preferences',
    operationId: 'setNotificationPreference',
    tag,
    summary: 'Take mails of one kind, or not',
    roles: EVERYBODY,
    body: z.strictObject({ kind: z.string().max(60), mail: z.boolean() }),
    responses: { 200: { description: 'The preference.', schema: preferenceSchema } },
    handler: ({ context, caller, body, key, route }) =>
      runOnce(context, { caller, route, key, body }, {}, async () => {
        const kind = kindsFor(caller.person.role).find((each) => each === body.kind);
        if (kind === undefined) throw new Problem('invalid_request', `${body.kind} is no kind of notification that you can get: GET /v1/notification_preferences lists them.`, { param: 'kind' }); // prettier-ignore
        if (!body.mail && !mayBeSwitchedOff(kind)) throw new Problem('invalid_request', `${kind} is about money or security: its mail cannot be switched off.`, { param: 'mail' }); // prettier-ignore
        await setMailPreferences(context.sql, caller.person.id, new Map([[kind, body.mail]]));
        const all = preferencesOf(caller.person.role, new Map([[kind, body.mail]]));
        return { status: 200, body: all.find((each) => each.kind === kind) };
      }),
  }),
];
