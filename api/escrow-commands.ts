// The commands of an escrow as routes and pages give them: terms are built here, who may act is looked up here, and
// everything else is the workflow's to decide.
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { Attachment, StoredFile } from '../db/files.ts';
import { findEscrowState, fundedAndCancelled, principalOn, type Viewer } from '../db/escrows.ts';
import { newId } from '../db/ids.ts';
import type { EscrowState, Principal } from '../domain/escrow-state.ts';
import { isId } from '../domain/ids.ts';
import { canonicalTerms } from '../domain/terms.ts';
import type { ActionArguments } from '../domain/guards.ts';
import { type Action, permit } from '../domain/transitions.ts';
import type { EscrowCommandName, EscrowCommands } from '../workflows/messages.ts';
import { askSecondPerson, secondPersonFor } from './approvals.ts';
import type * as bodies from './bodies.ts';
import { type PendingCommand, runCommand } from './commands.ts';
import type { Answer, AppContext, Caller } from './context.ts';
import { actionsOf } from './escrow-view.ts';
import { deliveryHash, filesFor } from './files.ts';
import { Problem } from './problem.ts';
import { proposedTerms } from './terms.ts';

export const viewerOf = ({ person }: Caller): Viewer => ({
  id: person.id,
  role: person.role,
  entityId: person.entityId,
});

/** What a command brings beside who gives it. */
export type CommandInput<Name extends EscrowCommandName> = Omit<EscrowCommands[Name], 'commandId' | 'principal'>;

/** POST /v1/escrows: a buyer or a seller proposes. */
export async function proposeEscrow(
  context: AppContext,
  caller: Caller,
  body: bodies.ProposalBody,
  key: string,
): Promise<Answer> {
  const terms = await proposedTerms(context, caller.person, body);
  const termsHash = createHash('sha256').update(canonicalTerms(terms)).digest('hex');
  const role = terms.buyerId === caller.person.id ? 'buyer' : 'seller';
  return runCommand(context, {
    caller,
    route: 'POST /v1/escrows',
    key,
    body,
    command: (commandId) => ({
      escrowId: terms.escrowId,
      name: 'create',
      args: { commandId, principal: { id: caller.person.id, role }, terms, termsHash },
      viewer: viewerOf(caller),
      requestId: caller.requestId,
      creation: { terms, hash: termsHash, externalId: body.external_id ?? null, metadata: body.metadata ?? {} },
    }),
  });
}

/** Every other command. 404 for what is not the caller's; 409 with what may be done for what may not. */
export async function commandEscrow<Name extends Exclude<EscrowCommandName, 'create'>>(
  context: AppContext,
  caller: Caller,
  request: {
    escrowId: string;
    name: Name;
    route: string;
    key: string;
    body: unknown;
    input: CommandInput<Name>;
    /** What the answer shows; the escrow unless said otherwise. */
    show?: PendingCommand['show'];
  },
): Promise<Answer> {
  const { escrowId, name } = request;
  const viewer = viewerOf(caller);
  const state = isId('escrow', escrowId) ? await findEscrowState(context.sql, viewer, escrowId) : null;
  if (state === null) throw notFound('escrow');
  const milestoneId = (request.input as { milestoneId?: string }).milestoneId;
  if (milestoneId !== undefined && !state.milestones.some((m) => m.id === milestoneId)) throw notFound('milestone');
  if (
    name === 'fund' &&
    (await fundedAndCancelled(context.sql, state.terms.buyerId)) >= context.settings.fundCancelLimit
  ) {
    throw new Problem('fund_cancel_limit');
  }
  const principal = principalOn(state, viewer);
  if (principal === null) {
    throw new Problem('action_not_available', 'You may read this escrow, and do nothing to it.', {
      extra: { available_actions: actionsOf(state, viewer, Date.now()).all },
    });
  }
  const { route, key, body } = request;
  const attach = await attachmentOf(context, caller, state, request);
  const input = { ...request.input, ...deliveredBy(attach, body) };
  const asked = secondPersonFor(context.settings, state, principal, name, request.input);
  if (asked !== null) {
    const refuse = () => refuseUnlessPermitted(state, viewer, principal, name, milestoneId ?? null, request.input);
    return askSecondPerson(context, { caller, route, key, body }, asked, refuse);
  }
  return runCommand(context, {
    caller,
    route,
    key,
    body,
    command: (commandId) => ({
      escrowId,
      name,
      args: { commandId, principal, ...input } as unknown as EscrowCommands[Name],
      viewer,
      ...(attach === null ? {} : { attach: attach.attachment }),
      ...(request.show === undefined ? {} : { show: request.show }),
      requestId: caller.requestId,
    }),
  });
}

interface Attaching {
  attachment: Attachment;
  files: StoredFile[];
}

/** The uploads that a delivery or what is said in a dispute names; they are bound in the transaction that projects it. */
async function attachmentOf(
  context: AppContext,
  caller: Caller,
  state: EscrowState,
  { name, input, body }: { name: EscrowCommandName; input: object; body: unknown },
): Promise<Attaching | null> {
  if (name !== 'submit' && name !== 'dispute' && name !== 'reply') return null;
  const { file_ids: ids } = body as { file_ids?: string[] };
  const { milestoneId, disputeId: opened } = input as { milestoneId: string; disputeId?: string };
  const files = await filesFor(context, caller, state.id, ids, { milestone_id: milestoneId });
  if (files.length === 0) return null;
  const disputeId = opened ?? state.milestones.find((m) => m.id === milestoneId)?.dispute?.id ?? null;
  const delivered = name === 'submit';
  const attachment: Attachment = {
    ids: files.map((f) => f.id),
    purpose: delivered ? 'delivery' : 'dispute',
    milestoneId,
    disputeId: delivered ? null : disputeId,
  };
  return { attachment, files };
}

/** @throws Problem where another fingerprint was named than the files have */
function deliveredBy(attach: Attaching | null, body: unknown): { deliverableSha256?: string } {
  if (attach?.attachment.purpose !== 'delivery') return {};
  const hash = deliveryHash(attach.files)!;
  const { deliverable_sha256: named } = body as { deliverable_sha256?: string };
  if (named !== undefined && named !== hash) {
    throw new Problem('invalid_request', `deliverable_sha256 is not that of the files, which is ${hash}: leave it out.`, { param: 'deliverable_sha256' }); // prettier-ignore
  }
  return { deliverableSha256: hash };
}

/** Commands of ops that are named otherwise than their action. */
const ACTION_OF: Partial<Record<EscrowCommandName, Action>> = {
  forceRelease: 'force_release',
  forceRefund: 'force_refund',
  refundByBank: 'refund_by_bank',
};

/** Nobody is asked to approve what the state forbids anyhow. @throws Problem */
export function refuseUnlessPermitted(
  state: EscrowState,
  viewer: Viewer,
  principal: Principal,
  name: EscrowCommandName,
  milestoneId: string | null,
  input: object,
): void {
  const now = Date.now();
  const no = permit(state, ACTION_OF[name] ?? (name as Action), principal, milestoneId, input as ActionArguments, now);
  if (no === null) return;
  throw new Problem(no.code, no.message, {
    param: no.param,
    extra: { available_actions: actionsOf(state, viewer, now).all },
  });
}

/** A milestone and its escrow, as the caller may read them. @throws Problem not_found */
export async function milestoneOf({ sql }: AppContext, caller: Caller, escrowId: string, milestoneId: string) {
  const viewer = viewerOf(caller);
  const state = await findEscrowState(sql, viewer, escrowId);
  const m = state?.milestones.find((x) => x.id === milestoneId);
  if (!state || !m) throw notFound(state ? 'milestone' : 'escrow');
  return { viewer, state, m };
}

export const notFound = (what: string): Problem =>
  new Problem('not_found', `There is no such ${what}, or it is not yours.`);

type Body<Schema extends z.ZodType> = z.output<Schema>;

/** Bodies → what the workflow takes. New ids are given out here; a repetition gets the first ones from its row. */
export const inputs = {
  agree: (body: Body<typeof bodies.agree>): CommandInput<'agree'> => ({ termsHash: body.terms_hash }),
  fund: (body: Body<typeof bodies.fund>): CommandInput<'fund'> => ({
    paymentId: newId('payment'),
    milestoneIds: body.milestone_ids,
    paymentMethod: body.payment_method,
    returnUrl: body.return_url,
    ...(body.checkout === undefined ? {} : { checkout: body.checkout }),
  }),
  cancel: (body: Body<typeof bodies.cancel>): CommandInput<'cancel'> => ({ reason: body.reason }),
  start: (milestoneId: string): CommandInput<'start'> => ({ milestoneId }),
  submit: (milestoneId: string, body: Body<typeof bodies.submit>): CommandInput<'submit'> => ({
    milestoneId,
    note: body.note,
    deliverableSha256: body.deliverable_sha256,
  }),
  accept: (milestoneId: string, body: Body<typeof bodies.accept>): CommandInput<'accept'> => ({
    milestoneId,
    amount: body.amount,
  }),
  requestChanges: (milestoneId: string, body: Body<typeof bodies.requestChanges>): CommandInput<'requestChanges'> => ({
    milestoneId,
    note: body.note,
  }),
  extend: (milestoneId: string, body: Body<typeof bodies.extend>): CommandInput<'extend'> => ({
    milestoneId,
    until: body.until === undefined ? undefined : Date.parse(body.until),
  }),
  refund: (milestoneId: string, body: Body<typeof bodies.refund>): CommandInput<'refund'> => ({
    milestoneId,
    refundId: newId('refund'),
    amount: body.amount,
    reason: body.reason,
  }),
  dispute: (milestoneId: string, body: Body<typeof bodies.dispute>): CommandInput<'dispute'> => ({
    milestoneId,
    disputeId: newId('dispute'),
    reason: body.reason,
    amount: body.claim?.amount,
  }),
  reply: (milestoneId: string, body: Body<typeof bodies.reply>): CommandInput<'reply'> => ({
    milestoneId,
    message: body.message,
  }),
  offer: (milestoneId: string, body: Body<typeof bodies.offer>): CommandInput<'offer'> => ({
    milestoneId,
    sellerAmount: body.seller_amount,
  }),
  acceptOffer: (milestoneId: string): CommandInput<'acceptOffer'> => ({ milestoneId }),
  escalate: (milestoneId: string): CommandInput<'escalate'> => ({ milestoneId }),
  rule: (milestoneId: string, body: Body<typeof bodies.rule>): CommandInput<'rule'> => ({
    milestoneId,
    sellerAmount: body.seller_amount,
    reason: body.reason,
  }),
  freeze: (escrowId: string, body: Body<typeof bodies.freeze>): CommandInput<'freeze'> => ({
    ...frozenThing(escrowId, body),
    reason: body.reason,
  }),
  unfreeze: (escrowId: string, body: Body<typeof bodies.unfreeze>): CommandInput<'unfreeze'> =>
    frozenThing(escrowId, body),
};

function frozenThing(escrowId: string, body: Body<typeof bodies.unfreeze>) {
  if (body.scope === 'escrow') return { scope: 'escrow' as const, subject: escrowId };
  if (body.milestone_id === undefined) {
    throw new Problem('parameter_missing', 'milestone_id is missing: scope "milestone" names one.', { param: 'milestone_id' }); // prettier-ignore
  }
  return { scope: 'milestone' as const, subject: body.milestone_id };
}
