// /v1/ops/audit: who did what, and whether the chain that seals it holds.
import { z } from 'zod';
import { listAudit, verifyAudit } from '../../db/audit.ts';
import * as bodies from '../bodies.ts';
import { route, STAFF } from '../route.ts';

const entry = z
  .object({
    id: z.string().describe('Its number; numbers rise, with gaps.'),
    object: z.literal('audit_entry'),
    at: z.string(),
    actor: z.object({ id: z.string().nullable(), role: z.string().nullable() }),
    action: z.string(),
    subject: z.string().nullable(),
    outcome: z.string(),
    request_id: z.string().nullable(),
    data: z.record(z.string(), z.unknown()),
    seal: z.object({ seq: z.int(), hash: z.string() }).nullable().describe('Null for the seconds before it is sealed.'),
  })
  .meta({ id: 'AuditEntry' });

const chain = z
  .object({
    holds: z.boolean(),
    sealed: z.int(),
    unsealed: z.int(),
    head: z.object({ seq: z.int(), hash: z.string() }).nullable().describe('Note it outside of the installation.'),
    broken: z.object({ seq: z.int().nullable(), entry_id: z.int(), why: z.string() }).nullable(),
  })
  .meta({ id: 'AuditChain' });

export const auditRoutes = [
  route({
    method: 'get',
    path: '/v1/ops/audit',
    operationId: 'listAudit',
    tag: 'Ops',
    summary: 'The audit log, newest first',
    description: 'With `verify=true` the whole chain is walked too, and the first broken row is named.',
    roles: STAFF,
    query: bodies.page.extend({
      starting_after: z
        .string()
        .regex(/^\d{1,18}$/, 'takes the id of an entry')
        .transform(BigInt)
        .optional(),
      subject: z.string().optional().describe('Such as the id of an escrow.'),
      actor_id: z.string().optional(),
      verify: z.enum(['true', 'false']).optional(),
    }),
    responses: {
      200: {
        description: 'A page of entries, and the state of the chain where it was asked for.',
        schema: z.object({ data: z.array(entry), has_more: z.boolean(), chain: chain.nullable() }),
      },
    },
    handler: async ({ context, caller, query }) => {
      const { limit, subject, actor_id: actorId, starting_after: startingAfter } = query;
      const rows = await listAudit(context.sql, caller.person.entityId, { subject, actorId, startingAfter, limit: limit + 1 }); // prettier-ignore
      const data = rows.slice(0, limit).map((row) => ({
        id: row.id.toString(),
        object: 'audit_entry',
        at: row.at,
        actor: { id: row.actor_id, role: row.actor_role },
        action: row.action,
        subject: row.subject,
        outcome: row.outcome,
        request_id: row.request_id,
        data: row.data,
        seal: row.seq === null ? null : { seq: Number(row.seq), hash: row.hash },
      }));
      const chain = query.verify === 'true' ? await verifyAudit(context.sql) : null;
      return { status: 200, body: { data, has_more: rows.length > limit, chain } };
    },
  }),
];
