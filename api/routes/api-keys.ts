// /v1/api_keys: one's own keys, with scopes, shown once, revocable.
import { z } from 'zod';
import {
  type ApiKey,
  insertApiKey,
  listApiKeys,
  MOST_KEYS,
  newApiKey,
  revokeApiKey,
  type Scope,
  SCOPES,
} from '../../db/api-keys.ts';
import { newId } from '../../db/ids.ts';
import { seesEverything, type Viewer } from '../../db/escrows.ts';
import * as bodies from '../bodies.ts';
import { runDelete, runOnce } from '../commands.ts';
import type { AppContext } from '../context.ts';
import { notFound } from '../escrow-commands.ts';
import { Problem } from '../problem.ts';
import { EVERYBODY, route } from '../route.ts';
import { listOf } from '../schemas.ts';

const tag = 'API keys';

const schema = z
  .object({
    id: z.string(),
    object: z.literal('api_key'),
    label: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    key: z.string().optional().describe('`sk_tranche_…`, shown once: in the first answer to its creation.'),
    created_at: z.iso.datetime(),
    last_used_at: z.iso.datetime().nullable().describe('To the minute.'),
  })
  .meta({ id: 'ApiKey' });

export const newKeyBody = z.strictObject({
  label: z.string().trim().min(1, 'must not be empty').max(100, 'takes at most 100 characters'),
  scopes: z
    .array(z.enum(SCOPES, 'takes "read", "write" and "ops"'))
    .min(1, 'names at least one scope')
    .max(3)
    .default(['read', 'write'])
    .describe('`read` for GET, `write` for what changes something, `ops` beside them for staff’s own calls.'),
});

const view = (k: ApiKey) => ({
  id: k.id,
  object: 'api_key' as const,
  label: k.label,
  scopes: k.scopes,
  created_at: k.created_at.toISOString(),
  last_used_at: k.last_used_at?.toISOString() ?? null,
});

/** For the route and the page. `own`: the scopes of whoever asks, null for a session. @throws Problem */
export async function makeKey(
  { sql }: Pick<AppContext, 'sql'>,
  viewer: Viewer,
  { id, label, scopes, own }: { id: string; label: string; scopes: readonly Scope[]; own: readonly Scope[] | null },
): Promise<{ apiKey: ApiKey; key: string }> {
  const wanted = SCOPES.filter((scope) => scopes.includes(scope));
  const beyond = wanted.find((scope) => own !== null && !own.includes(scope));
  if (beyond !== undefined) throw new Problem('scope_missing', `Your key has no scope ${beyond}, so it makes none that has.`); // prettier-ignore
  if (wanted.includes('ops') && !seesEverything(viewer)) {
    throw new Problem('invalid_request', 'scopes: ops is for staff', { param: 'scopes' });
  }
  const { data } = await listApiKeys(sql, viewer.id, { limit: MOST_KEYS });
  if (data.length >= MOST_KEYS && !data.some((known) => known.id === id)) {
    throw new Problem('limit_reached', `You have ${MOST_KEYS} keys: revoke one first.`);
  }
  const key = newApiKey();
  return { apiKey: await insertApiKey(sql, { id, personId: viewer.id, key, label, scopes: wanted }), key };
}

export const apiKeyRoutes = [
  route({
    method: 'post',
    path: '/v1/api_keys',
    operationId: 'createApiKey',
    tag,
    summary: 'Make an API key',
    description: 'For yourself, with scopes that the calling key has. `key` is in the first answer and never again.',
    roles: EVERYBODY,
    body: newKeyBody,
    responses: { 201: { description: 'The key.', schema } },
    handler: ({ context, caller, body, key, route }) =>
      runOnce(context, { caller, route, key, body }, { id: newId('apiKey') }, async (ids) => {
        const made = await makeKey(context, caller.person, { ...body, id: ids['id']!, own: caller.scopes ?? null });
        return { status: 201, body: view(made.apiKey), once: { key: made.key } };
      }),
  }),
  route({
    method: 'get',
    path: '/v1/api_keys',
    operationId: 'listApiKeys',
    tag,
    summary: 'List your keys',
    roles: EVERYBODY,
    query: bodies.page,
    responses: {
      200: { description: 'A page of keys, oldest first, without the keys themselves.', schema: listOf(schema) },
    },
    handler: async ({ context, caller, query }) => {
      const page = { startingAfter: query.starting_after, limit: query.limit };
      const { data, hasMore } = await listApiKeys(context.sql, caller.person.id, page);
      return { status: 200, body: { data: data.map(view), has_more: hasMore } };
    },
  }),
  route({
    method: 'delete',
    path: '/v1/api_keys/{id}',
    operationId: 'revokeApiKey',
    tag,
    summary: 'Revoke a key',
    description: 'At once and for good; also the key that calls.',
    roles: EVERYBODY,
    params: z.object({ id: z.string().describe('Id of the key.') }),
    responses: { 204: { description: 'It is worth nothing any more.' } },
    handler: ({ context, caller, params, route }) =>
      runDelete(context, { caller, route }, async (tx) => {
        if (!(await revokeApiKey(tx, caller.person.id, params.id))) throw notFound('API key');
      }),
  }),
];
