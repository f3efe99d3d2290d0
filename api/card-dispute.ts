// A card dispute as the API shows it, and the commands to its workflow chargeback/<id>: updates with a deadline.
import { createHash } from 'node:crypto';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import { type CardDisputeRead, cardDisputesFor } from '../db/card-disputes.ts';
import { findEscrow, type Viewer } from '../db/escrows.ts';
import { evidenceFiles } from '../db/files.ts';
import { isUndecided, phaseOf } from '../domain/chargeback.ts';
import type { Principal } from '../domain/escrow-state.ts';
import { CHARGEBACK_UPDATES, chargebackWorkflowId, type ChargebackWord } from '../workflows/chargeback-messages.ts';
import { REFUSED } from '../workflows/messages.ts';
import { runOnce } from './commands.ts';
import type { Answer, AppContext, Caller } from './context.ts';
import { notFound, viewerOf } from './escrow-commands.ts';
import { moneyOf } from './escrow-view.ts';
import { EVIDENCE_TYPES } from './file-types.ts';
import { filesFor } from './files.ts';
import { Problem } from './problem.ts';
import { money } from './schemas.ts';
import { isGone, within } from './update-call.ts';

const instant = z.iso.datetime();

export const cardDispute = z
  .object({
    id: z.string().describe('Id of the dispute (dsp_…).'),
    object: z.literal('dispute'),
    kind: z.literal('card'),
    escrow_id: z.string(),
    milestone_id: z.null(),
    status: z.string().describe('Stripe’s own word, such as needs_response; its list is open.'),
    reason: z.string(),
    amount: money,
    stripe_dispute_id: z.string(),
    stripe_charge_id: z.string(),
    due_by: instant.nullable().describe('Until when the bank takes evidence.'),
    evidence: z.object({ text: z.string(), by: z.string(), at: instant }).nullable(),
    loss: z
      .array(
        z.object({
          milestone_id: z.string(),
          seller_id: z.string(),
          unreleased: money,
          from_seller: money,
          from_platform: money,
          fee: money.describe('Of Stripe’s fees, where the terms pass them on: a debt of the seller.'),
        }),
      ) // prettier-ignore
      .nullable()
      .describe('Who bears what, once it is lost.'),
    clawback: z
      .object({
        policy: z
          .enum(['at_loss', 'at_opening'])
          .describe('What the terms say: released money is taken back when the dispute is lost, or when it opens.'),
        milestones: z.array(
          z.object({
            milestone_id: z.string(),
            seller_id: z.string(),
            taken_back: money.describe('Of released money, while the bank decides.'),
            taken_by_loss: money,
            paid_again: money,
            held_back: money.describe('Taken back, and neither lost nor paid again: on hold now.'),
            comes_back_if_won: money.describe('What its seller is paid again if the bank decides for them.'),
          }),
        ),
      })
      .describe(
        'Released money that is held while the bank decides; settlement currency. Empty where nothing was taken back.',
      ),
    available_actions: z.array(z.string()),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'CardDispute' });

export type CardDisputeView = z.infer<typeof cardDispute>;

const ANSWERS = ['evidence', 'submit-evidence', 'accept-loss'];

export function cardDisputeView(d: CardDisputeRead, viewer: Viewer): CardDisputeView {
  const { text, by, at } = d.evidence;
  const plan = d.state.plan;
  const settled = (...minor: string[]) =>
    moneyOf(minor.reduce((sum, n) => sum + BigInt(n), 0n), plan!.currency); // prettier-ignore
  const answers =
    ['open', 'inquiry'].includes(phaseOf(d.status)) && (viewer.role === 'seller' || viewer.role === 'ops');
  return {
    id: d.id,
    object: 'dispute',
    kind: 'card',
    escrow_id: d.escrow_id,
    milestone_id: null,
    status: d.status,
    reason: d.reason,
    amount: moneyOf(d.amount, d.currency),
    stripe_dispute_id: d.stripe_dispute_id,
    stripe_charge_id: d.charge_id,
    due_by: d.due_by?.toISOString() ?? null,
    evidence: text === undefined || by === undefined || at === undefined ? null : { text, by, at },
    loss:
      plan?.parts
        // A seller sees what falls on that seller.
        .filter((p) => viewer.role !== 'seller' || p.sellerId === viewer.id)
        .map((p) => ({
          milestone_id: p.milestoneId,
          seller_id: p.sellerId,
          unreleased: settled(p.heldMinor, p.feeUnearnedMinor, p.payableMinor ?? '0'),
          from_seller: settled(p.fromSellerMinor),
          from_platform: settled(p.feeReturnedMinor, p.platformMinor),
          fee: settled(d.state.fees?.[p.milestoneId] ?? '0'),
        })) ?? null,
    clawback: {
      policy: d.clawback_policy,
      milestones: d.clawed_back
        .filter((p) => viewer.role !== 'seller' || p.seller_id === viewer.id)
        .map((p) => clawedBack(d, p)),
    },
    available_actions: answers ? ANSWERS : [],
    created_at: d.created_at.toISOString(),
    updated_at: d.updated_at.toISOString(),
  };
}

function clawedBack(d: CardDisputeRead, p: CardDisputeRead['clawed_back'][number]) {
  const used = (d.state.plan?.heldBack ?? [])
    .filter((h) => h.milestoneId === p.milestone_id)
    .reduce((sum, h) => sum + Number(h.used), 0);
  const held = p.taken - used - p.again;
  const of = (minor: number) => moneyOf(minor, p.currency);
  return {
    milestone_id: p.milestone_id,
    seller_id: p.seller_id,
    taken_back: of(p.taken),
    taken_by_loss: of(used),
    paid_again: of(p.again),
    held_back: of(held),
    comes_back_if_won: of(isUndecided(phaseOf(d.status)) ? held : 0),
  };
}

export async function findCardDisputeFor(
  context: AppContext,
  viewer: Viewer,
  id: string,
): Promise<CardDisputeRead | null> {
  return (await cardDisputesFor(context.sql, viewer, { id, limit: 1 }))[0] ?? null;
}

/** Longer than a call to Stripe for each file. */
const DEADLINE_MS = 10_000;
/** The networks' own bound, with room for our pack. */
const EVIDENCE_BYTES = 4.5 * 1024 * 1024;

export interface EvidenceBody {
  text: string;
  files?: { file_id: string; field: string }[] | undefined;
}

/** Stages text and files: the sellers' own uploads for that escrow, of a kind that a card network reads. */
export async function stageEvidence(
  context: AppContext,
  caller: Caller,
  call: { id: string; route: string; key: string; body: EvidenceBody },
): Promise<Answer> {
  const { id, body } = call;
  const dispute = await findCardDisputeFor(context, viewerOf(caller), id);
  if (dispute === null) throw notFound('dispute');
  const named = body.files ?? [];
  // What another affected seller staged may stay where it is.
  const kept = (await evidenceFiles(context.sql, id)).filter((f) => named.some((n) => n.file_id === f.id));
  const fresh = named.map((f) => f.file_id).filter((each) => !kept.some((f) => f.id === each));
  const files = await filesFor(context, caller, dispute.escrow_id, fresh, { dispute_id: id });
  if (new Set(named.map((f) => f.field)).size < named.length) {
    throw new Problem('invalid_request', 'files: each field of evidence takes one file.', { param: 'files' });
  }
  const unread = files.find((f) => !EVIDENCE_TYPES.includes(f.media_type));
  if (unread !== undefined) {
    throw new Problem('file_invalid', `The bank reads PDF, PNG and JPEG: “${unread.name}” is ${unread.media_type}.`, { param: 'files' }); // prettier-ignore
  }
  const all = [
    ...files,
    ...(await evidenceFiles(context.sql, id)).filter((f) => named.some((n) => n.file_id === f.id)),
  ];
  if (all.reduce((sum, f) => sum + f.size, 0) > EVIDENCE_BYTES) {
    throw new Problem('file_invalid', 'All files of evidence together have at most 4.5 MB.', { param: 'files' });
  }
  const args = {
    text: body.text,
    ...(body.files === undefined ? {} : { files: named.map((f) => ({ id: f.file_id, field: f.field })) }),
  };
  return commandCardDispute(context, caller, { ...call, update: CHARGEBACK_UPDATES.stage, args });
}

/** One command of the dispute's workflow; the buyer only reads. */
export async function commandCardDispute(
  context: AppContext,
  caller: Caller,
  call: { id: string; update: string; route: string; key: string; body: object; args: object },
): Promise<Answer> {
  const { id, update, route, key, body } = call;
  const viewer = viewerOf(caller);
  const dispute = await findCardDisputeFor(context, viewer, id);
  const escrow = dispute === null ? null : await findEscrow(context.sql, viewer, dispute.escrow_id);
  if (dispute === null || escrow === null) throw notFound('dispute');
  const { id: personId, role } = viewer;
  if (role !== 'ops' && role !== 'seller') {
    throw new Problem('action_not_available', 'The affected sellers and ops answer a card dispute.', {
      extra: { available_actions: [] },
    });
  }
  return runOnce(context, { caller, route, key, body }, {}, async () => {
    const by: Principal = { id: personId, role };
    const updateId = createHash('sha256').update(`${caller.ownerId}:${route}:${key}`).digest('hex');
    try {
      await within(context.temporal, DEADLINE_MS, () =>
        context.temporal.workflow
          .getHandle(chargebackWorkflowId(id))
          .executeUpdate<ChargebackWord, [object]>(update, { updateId, args: [{ by, ...call.args }] }),
      );
    } catch (error) {
      throw refusalOf(error);
    }
    const after = await findCardDisputeFor(context, viewer, id);
    return { status: 200, body: cardDisputeView(after!, viewer) };
  });
}

function refusalOf(error: unknown): Problem {
  const extra = { available_actions: [] };
  if (isGone(error)) return new Problem('action_not_available', 'This dispute is closed.', { extra, cause: error }); // prettier-ignore
  if (error instanceof WorkflowUpdateFailedError) {
    const cause = error.cause instanceof ApplicationFailure ? error.cause : null;
    if (cause?.type === REFUSED) return new Problem('action_not_available', cause.message, { extra, cause: error });
    return new Problem('command_failed', cause?.message ?? error.message, { cause: error });
  }
  return new Problem('outcome_unknown', undefined, { headers: { 'Retry-After': '1' }, cause: error });
}
