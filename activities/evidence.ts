// The evidence pack of a card dispute: the terms and their hash, deliveries, acceptances and the timeline, as the fields that
// Stripe takes; all text together stays under its limit.
import { createHash } from 'node:crypto';
import type { CardDispute } from '../db/card-disputes.ts';
import type { Queryable } from '../db/client.ts';
import { policyInWords } from '../domain/policy.ts';
import { canonicalTerms, type Terms } from '../domain/terms.ts';
import type { DisputeEvidence } from '../payments/port.ts';

/** Under Stripe's 150,000, with room for what the sellers wrote. */
const MOST_TIMELINE = 80_000;
export const MOST_TEXT = 20_000;

interface Line {
  at: Date;
  type: string;
  actor: { kind: string; id: string | null };
  milestone_id: string | null;
  data: Record<string, unknown>;
}

interface Delivered {
  id: string;
  title: string | null;
  note: string | null;
  sha256: string | null;
  submitted: string | null;
}

export async function evidencePack(sql: Queryable, dispute: CardDispute, terms: Terms): Promise<DisputeEvidence> {
  const lines = await sql<Line[]>`
    SELECT at, type, actor, milestone_id, data FROM escrow_events WHERE escrow_id = ${dispute.escrow_id} ORDER BY seq`;
  const delivered = await sql<Delivered[]>`
    SELECT id, state ->> 'title' AS title, state ->> 'note' AS note, state ->> 'deliverableSha256' AS sha256,
           state ->> 'submittedAt' AS submitted
    FROM milestones WHERE escrow_id = ${dispute.escrow_id} ORDER BY position`;
  const hash = createHash('sha256').update(canonicalTerms(terms)).digest('hex');
  const timeline = lines.map(
    (l) => `${l.at.toISOString()} ${l.type} by ${l.actor.kind}${l.actor.id === null ? '' : ` ${l.actor.id}`}${l.milestone_id === null ? '' : ` on ${l.milestone_id}`} ${JSON.stringify(l.data)}`, // prettier-ignore
  );
  return {
    product_description: [
      `${terms.title}: ${terms.milestones.length} milestones under terms that both sides signed, SHA-256 ${hash}.`,
      ...delivered.map(
        (d) => `${d.title ?? d.id}: ${d.submitted === null ? 'not delivered yet' : `delivered ${new Date(Number(d.submitted)).toISOString()}`}${d.sha256 === null ? '' : `, deliverable SHA-256 ${d.sha256}`}${d.note === null ? '' : `, note: ${d.note}`}`, // prettier-ignore
      ),
    ]
      .join('\n')
      .slice(0, MOST_TEXT),
    access_activity_log: timeline.join('\n').slice(-MOST_TIMELINE),
    refund_policy_disclosure: policyInWords(terms.policy).fee_return,
    ...(dispute.evidence.text === undefined ? {} : { uncategorized_text: dispute.evidence.text.slice(0, MOST_TEXT) }),
  };
}
