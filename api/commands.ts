// Running a command once: the idempotency row first, then the workflow's update, then its result and its answer in one
// database transaction. What stays open is asked for again by a sweep.
import { createHash } from 'node:crypto';
import { escrowWorkflowId } from '../domain/ids.ts';
import { canonicalJson } from '../domain/terms.ts';
import { project, type ProjectedTerms } from '../db/projection.ts';
import { record } from '../db/audit.ts';
import type { Tx } from '../db/client.ts';
import { disputeOver } from '../db/disputes.ts';
import { findEscrow, type Viewer } from '../db/escrows.ts';
import { type Attachment, attachFiles } from '../db/files.ts';
import {
  claimKey,
  completeKey,
  forgetKey,
  type StoredCommand,
  storedAnswer,
  takeOpenCommands,
  unlockKey,
} from '../db/idempotency.ts';
import type { OnMilestone, PaymentResult } from '../workflows/messages.ts';
import type { AppContext, Answer, Caller } from './context.ts';
import { disputeView } from './dispute-object.ts';
import { actionsOf, escrowView } from './escrow-view.ts';
import { Problem, toProblem } from './problem.ts';
import type { EscrowCommand, Outcome } from './workflow-port.ts';

/** What the sweep needs: the worker has no Express app. */
export type CommandContext = Pick<AppContext, 'sql' | 'workflows' | 'payments' | 'settings' | 'logger'>;

/** A command as it stands in its idempotency row. */
export interface PendingCommand extends EscrowCommand {
  viewer: Viewer;
  /** Of the call that gave it: a refusal names it, also when it is repeated. */
  requestId?: string | undefined;
  /** What a `create` adds to the projection. */
  creation?: ProjectedTerms;
  /** Uploads that a done command binds. */
  attach?: Attachment;
  /** What a done command answers with, where it is not the escrow. */
  show?: 'dispute';
}

export interface CommandRequest {
  caller: Caller;
  /** Method and path as called: the same key on another route is a conflict. */
  route: string;
  key: string;
  body: unknown;
  /** Called with the update's id, which is the command's. */
  command: (commandId: string) => PendingCommand;
}

/** Longer than the workflow's deadline and its database work, so that no two hold one row. */
const LOCK_MS = 20_000;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

export async function runCommand(context: CommandContext, request: CommandRequest): Promise<Answer> {
  const { caller, route, key } = request;
  const updateId = sha256(canonicalJson([caller.ownerId, route, key]));
  const claim = await claimed(context, request, updateId, request.command(updateId));
  return 'answer' in claim ? claim.answer : settle(context, claim.stored);
}

/** For a POST without a workflow: `run` is repeated with the same ids until its answer is stored. */
export async function runOnce(
  context: CommandContext,
  request: Omit<CommandRequest, 'command'>,
  ids: Record<string, string>,
  run: (ids: Record<string, string>) => Promise<Answer>,
): Promise<Answer> {
  const { caller, key } = request;
  const updateId = sha256(canonicalJson([caller.ownerId, request.route, key]));
  const claim = await claimed(context, request, updateId, null, ids);
  if ('answer' in claim) return claim.answer;
  try {
    const answer = await run(claim.stored.ids);
    await context.sql.begin(async (tx) => {
      const first = await completeKey(tx, caller.ownerId, key, answer.status, answer.body);
      if (first) await auditCall(tx, request, String(answer.status));
    });
    return answer;
  } catch (error) {
    const { status, code } = toProblem(error);
    // A refusal did nothing: the key is free. Anything else may have, and goes on with the same ids.
    if (status < 500) {
      await context.sql.begin(async (tx) => {
        await forgetKey(tx, caller.ownerId, key);
        await auditCall(tx, request, `refused: ${code}`);
      });
    } else await unlockKey(context.sql, caller.ownerId, key);
    throw error;
  }
}

/** A DELETE: repeated it finds nothing, so that it needs no key. */
export async function runDelete(
  context: Pick<CommandContext, 'sql'>,
  request: Pick<CommandRequest, 'caller' | 'route'>,
  run: (tx: Tx) => Promise<void>,
): Promise<Answer> {
  await context.sql.begin(async (tx) => {
    await run(tx);
    await auditCall(tx, { ...request, body: {} }, '204');
  });
  return { status: 204, body: null };
}

function auditCall(
  tx: Tx,
  { caller: { person, requestId }, route, body }: Pick<CommandRequest, 'caller' | 'route' | 'body'>,
  outcome: string,
): Promise<void> {
  return record(tx, {
    entityId: person.entityId,
    actor: { id: person.id, role: person.role },
    action: 'call',
    subject: route,
    outcome,
    requestId,
    data: { input_sha256: sha256(canonicalJson(body ?? {})) },
  });
}

async function claimed(
  context: CommandContext,
  { caller, route, key, body }: Omit<CommandRequest, 'command'>,
  updateId: string,
  command: PendingCommand | null,
  ids: Record<string, string> = {},
): Promise<{ stored: StoredCommand } | { answer: Answer }> {
  const bodyHash = sha256(canonicalJson(body ?? {}));
  const { ownerId } = caller;
  const claim = await claimKey(context.sql, { ownerId, key, route, bodyHash, updateId, ids, command, lockMs: LOCK_MS });
  switch (claim.kind) {
    case 'run':
      return { stored: claim.stored };
    case 'done':
      return { answer: { status: claim.status, body: claim.response, headers: { 'Idempotency-Replayed': 'true' } } };
    case 'conflict':
      throw new Problem('idempotency_conflict', 'This Idempotency-Key was used with another call or body. Repeat that one, or take a new key.'); // prettier-ignore
    case 'running':
      throw new Problem('idempotency_running', undefined, {
        headers: { 'Retry-After': String(claim.retryAfterSeconds) },
      });
  }
}

/** Asks the workflow and stores what it says. @throws Problem outcome_unknown, with the row left open */
async function settle(context: CommandContext, stored: StoredCommand): Promise<Answer> {
  const command = stored.command as PendingCommand;
  try {
    const outcome = await context.workflows.execute(command, stored.updateId);
    const answer = await conclude(context, stored, command, outcome);
    const { escrowId, name, requestId } = command;
    context.logger.info({ request_id: requestId, escrow_id: escrowId, workflow_id: escrowWorkflowId(escrowId), command: name, outcome: outcome.kind, status: answer.status }, 'command'); // prettier-ignore
    return answer;
  } catch (error) {
    context.logger.warn(
      { err: error, escrow_id: command.escrowId, command: command.name },
      'outcome of a command unknown',
    );
    // The database may be what failed: then the row's lock runs out by itself.
    await unlockKey(context.sql, stored.ownerId, stored.key).catch(() => {});
    throw new Problem('outcome_unknown', undefined, { headers: { 'Retry-After': '1' }, cause: error });
  }
}

async function conclude(
  context: CommandContext,
  stored: StoredCommand,
  command: PendingCommand,
  outcome: Outcome,
): Promise<Answer> {
  const secret = outcome.kind === 'done' ? await paymentSecret(context, outcome.result.payment) : null;
  const done = await context.sql.begin(async (tx) => {
    if (outcome.kind === 'done') await project(tx, outcome.result.snapshot, command.creation);
    if (outcome.kind === 'done' && command.attach !== undefined) await attachFiles(tx, command.attach);
    const [record] = await Promise.all([findEscrow(tx, command.viewer, command.escrowId), auditCommand(tx, command, outcome)]); // prettier-ignore
    const plain = answerOf(context, command, outcome, secret, record);
    const answer = command.show === 'dispute' && plain.status < 300 ? await disputeAnswer(tx, command) : plain;
    const first = await completeKey(tx, stored.ownerId, stored.key, answer.status, answer.body);
    return first ? answer : null;
  });
  if (done) return done;
  const known = await storedAnswer(context.sql, stored.ownerId, stored.key);
  if (!known) throw new Error('the idempotency row is gone');
  return { status: known.status, body: known.response };
}

function answerOf(
  context: CommandContext,
  command: PendingCommand,
  outcome: Outcome,
  secret: PaymentSecret | null,
  record: Awaited<ReturnType<typeof findEscrow>>,
): Answer {
  const { viewer } = command;
  const actions = record === null ? [] : actionsOf(record.state, viewer, Date.now()).all;
  const refuse = (problem: Problem): Answer => ({ status: problem.status, body: problem.document(command.requestId) });
  if (outcome.kind === 'refused') {
    const { code, message, param } = outcome.refusal;
    return refuse(new Problem(code, message, { param, extra: { available_actions: actions } }));
  }
  // Its workflow ended unborn: the start came through, its command did not within a minute.
  if (outcome.kind === 'gone' && command.name === 'create' && record === null) {
    return refuse(new Problem('action_not_available', 'This escrow was not made in time, and nothing of it was: propose it again with a new Idempotency-Key.', { extra: { available_actions: [] } })); // prettier-ignore
  }
  if (outcome.kind === 'gone') {
    const status = record?.state.status ?? 'unknown';
    return refuse(new Problem('action_not_available', `This escrow is ${status}: nothing can be done with it any more.`, { extra: { available_actions: actions } })); // prettier-ignore
  }
  if (outcome.kind === 'failed') return refuse(new Problem('command_failed', outcome.message));
  if (record === null) throw new Error(`escrow ${command.escrowId} is not in the projection`);
  const escrow = escrowView(record, { viewer, settings: context.settings });
  const { payment } = outcome.result;
  if (payment === undefined) return { status: command.name === 'create' ? 201 : 200, body: escrow };
  if (payment.status === 'declined') {
    const extra = { decline_code: payment.declineCode, payment: { id: payment.id, status: payment.status } };
    const words = payment.message ?? 'The bank declined the payment.';
    return refuse(new Problem('payment_declined', `${words} Nothing was charged: fund again with another method and a new Idempotency-Key.`, { extra: { ...extra, available_actions: actions } })); // prettier-ignore
  }
  return {
    status: 200,
    body: {
      payment: {
        id: payment.id,
        status: payment.status,
        client_secret: secret?.clientSecret ?? null,
        url: payment.status === 'succeeded' || payment.status === 'processing' ? null : (secret?.actionUrl ?? `${context.settings.publicUrl}/pay/${payment.id}`), // prettier-ignore
      },
      escrow,
    },
  };
}

/** Ids and amounts; what people wrote is bound by its hash, so that the log never has to forget. */
function auditCommand(tx: Tx, command: PendingCommand, outcome: Outcome): Promise<void> {
  const { escrowId, name, args, viewer, requestId } = command;
  const { principal, commandId: _id, ...input } = args;
  const { milestoneId, amount, sellerAmount } = input as Partial<OnMilestone> & { amount?: number; sellerAmount?: number }; // prettier-ignore
  return record(tx, {
    entityId: viewer.entityId,
    actor: principal,
    action: `escrow.${name}`,
    subject: escrowId,
    outcome: outcome.kind === 'refused' ? `refused: ${outcome.refusal.code}` : outcome.kind,
    requestId,
    data: {
      input_sha256: sha256(canonicalJson(input)),
      ...(milestoneId === undefined ? {} : { milestone_id: milestoneId }),
      ...(amount === undefined ? {} : { amount }),
      ...(sellerAmount === undefined ? {} : { seller_amount: sellerAmount }),
    },
  });
}

async function disputeAnswer(tx: Tx, command: PendingCommand): Promise<Answer> {
  const { milestoneId } = command.args as OnMilestone;
  const record = await disputeOver(tx, command.viewer, milestoneId);
  if (record === null) throw new Error(`milestone ${milestoneId} has no dispute in the projection`);
  return { status: command.name === 'dispute' ? 201 : 200, body: disputeView(record, command.viewer) };
}

interface PaymentSecret {
  clientSecret: string | null;
  actionUrl: string | null;
}

/** Read from Stripe by the API itself: it never passes through a workflow's history. */
async function paymentSecret(
  context: CommandContext,
  payment: PaymentResult | undefined,
): Promise<PaymentSecret | null> {
  if (payment === undefined) return null;
  if (payment.status !== 'requires_payment_method' && payment.status !== 'requires_action') return null;
  try {
    // Stripe's page also leads to the bank, and is where its PaymentIntent is paid: nobody else needs that one's secret.
    if (payment.checkoutSessionId) {
      const { url } = await context.payments.retrieveCheckoutSession(payment.checkoutSessionId);
      return { clientSecret: null, actionUrl: url };
    }
    if (payment.paymentIntentId === null) return null;
    const { clientSecret, actionUrl } = await context.payments.retrievePaymentIntent(payment.paymentIntentId);
    return { clientSecret, actionUrl };
  } catch (error) {
    // The payment page reads it again; the command itself has succeeded.
    context.logger.warn({ err: error, payment_id: payment.id }, 'client secret could not be read');
    return null;
  }
}

/** Asks again for the outcome of commands whose row stayed open. Returns how many it settled. */
export async function sweepOpenCommands(context: CommandContext, limit = 20): Promise<number> {
  const open = await takeOpenCommands(context.sql, limit, LOCK_MS);
  const results = await Promise.allSettled(open.map((stored) => settle(context, stored)));
  return results.filter((result) => result.status === 'fulfilled').length;
}
