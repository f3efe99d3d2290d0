// Commands from forms: the very functions of the API, with the form's key, so that a double click is one effect and a
// refusal is said on the page.
import type { Answer } from '../api/context.ts';
import * as bodies from '../api/bodies.ts';
import { commandEscrow, type CommandInput, inputs } from '../api/escrow-commands.ts';
import type { Route } from '../api/route.ts';
import { ROUTES } from '../api/routes/index.ts';
import { invalidInput, Problem, type ProblemDocument, toProblem } from '../api/problem.ts';
import type { EscrowView } from '../api/schemas.ts';
import type { z } from 'zod';
import type { PageAction } from './words.ts';
import type { EscrowCommandName } from '../workflows/messages.ts';
import type { PageCall } from './page.ts';

export type Result<Body> = { kind: 'done'; body: Body } | { kind: 'refused'; problem: ProblemDocument };

const RUNNING_TRIES = 40;
const RUNNING_PAUSE_MS = 250;

/** The second of two clicks waits for the first, and gets its answer. */
export async function answered<Body>(run: () => Promise<Answer>): Promise<Result<Body>> {
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await run();
      if (answer.status >= 400) return { kind: 'refused', problem: answer.body as ProblemDocument };
      return { kind: 'done', body: { ...(answer.body as Body), ...answer.once } };
    } catch (error) {
      const problem = toProblem(error);
      if (problem.code === 'idempotency_running' && tries < RUNNING_TRIES) {
        await new Promise((resolve) => setTimeout(resolve, RUNNING_PAUSE_MS));
        continue;
      }
      // Not found and worse is not this form's: the error page says it.
      if (problem.status === 404 || problem.code === 'internal_error') throw error;
      return { kind: 'refused', problem: problem.document() };
    }
  }
}

export interface ActionFields {
  terms_hash?: string | undefined;
  milestone_ids?: string[] | undefined;
  payment_method?: string | undefined;
  return_url?: string | undefined;
  checkout?: boolean | undefined;
  amount?: number | undefined;
  reason?: string | undefined;
  note?: string | undefined;
  deliverable_sha256?: string | undefined;
  until?: string | undefined;
  message?: string | undefined;
  file_ids?: string[] | undefined;
  amendment_id?: string | undefined;
  scope?: string | undefined;
  milestone_id?: string | undefined;
}

export interface Target {
  escrowId: string;
  /** Of actions on a milestone. */
  milestoneId: string | null;
}

export interface FundAnswer {
  payment: { id: string; status: string; url: string | null };
  escrow: EscrowView;
}

type Command = { [Name in Exclude<EscrowCommandName, 'create'>]: { name: Name; input: CommandInput<Name>; body: unknown } }[Exclude<EscrowCommandName, 'create'>]; // prettier-ignore

/** The declared call of the API with this operation id. */
function operation(id: string): Route {
  const found = ROUTES.find((each) => each.operationId === id);
  if (found === undefined) throw new Error(`the API has no operation ${id}`);
  return found;
}

/**
 * Gives a POST of the API with what a form brought: the same checks, the same rights, the same effect. What was left empty is
 * left out. A role that may not call it finds no such page.
 */
export function giveRoute<Body = object>(
  call: PageCall,
  operationId: string,
  params: Record<string, string>,
  given: object,
  key: string,
): Promise<Result<Body>> {
  const { roles, path, body: schema, handler } = operation(operationId);
  if (!roles.includes(call.session.person.role)) throw new Problem('not_found', 'There is no such page for you.');
  const route = `PAGE ${path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => params[name] ?? '')}`;
  return answered<Body>(async () => {
    const body = schema === undefined ? {} : checkedBody(schema, given);
    return handler({ context: call.context, caller: call.caller, params, query: {}, body, key, route });
  });
}

/** Gives one command with what a form brought. */
export function giveCommand<Body = EscrowView>(
  call: PageCall,
  action: PageAction,
  target: Target,
  given: ActionFields,
  key: string,
): Promise<Result<Body>> {
  if (action === 'refund') {
    // Of held money it is a command of the escrow, of released money a workflow of its own: the call knows which.
    const { amount, reason } = given;
    return giveRoute<Body>(call, 'refundMilestone', { id: target.escrowId, mid: target.milestoneId ?? '' }, { amount, reason }, key); // prettier-ignore
  }
  const path = target.milestoneId === null ? '' : `/milestones/${target.milestoneId}`;
  if (action === 'amend') throw new Error('new terms have a form of their own');
  return answered<Body>(async () => {
    const command = commandOf(action, target, given);
    return commandEscrow(call.context, call.caller, {
      escrowId: target.escrowId,
      name: command.name,
      route: `PAGE /escrows/${target.escrowId}${path}/${action}`,
      key,
      body: command.body,
      input: command.input,
    });
  });
}

function commandOf(
  action: Exclude<PageAction, 'refund' | 'amend'>,
  { escrowId, milestoneId }: Target,
  given: ActionFields,
): Command {
  const on = milestoneId ?? '';
  switch (action) {
    case 'agree':
      return made('agree', bodies.agree, { terms_hash: given.terms_hash }, inputs.agree);
    case 'fund': {
      const { milestone_ids, payment_method, return_url, checkout } = given;
      return made('fund', bodies.fund, { milestone_ids, payment_method, return_url, checkout }, inputs.fund);
    }
    case 'cancel':
      return made('cancel', bodies.cancel, { reason: given.reason }, inputs.cancel);
    case 'start':
      return made('start', bodies.empty, {}, () => inputs.start(on));
    case 'submit': {
      const { note, deliverable_sha256, file_ids } = given;
      return made('submit', bodies.submit, { note, deliverable_sha256, file_ids }, (body) => inputs.submit(on, body));
    }
    case 'accept':
      return made('accept', bodies.accept, { amount: given.amount }, (body) => inputs.accept(on, body));
    case 'request_changes':
      return made('requestChanges', bodies.requestChanges, { note: given.note }, (body) => inputs.requestChanges(on, body)); // prettier-ignore
    case 'extend':
      return made('extend', bodies.extend, { until: given.until }, (body) => inputs.extend(on, body));
    case 'dispute': {
      const claim = given.amount === undefined ? undefined : { amount: given.amount };
      return made('dispute', bodies.dispute, { reason: given.reason, claim, file_ids: given.file_ids }, (body) =>
        inputs.dispute(on, body),
      );
    }
    case 'reply':
      return made('reply', bodies.reply, { message: given.message, file_ids: given.file_ids }, (body) =>
        inputs.reply(on, body),
      );
    case 'offer':
      return made('offer', bodies.offer, { seller_amount: given.amount }, (body) => inputs.offer(on, body));
    case 'accept_offer':
      return made('acceptOffer', bodies.empty, {}, () => inputs.acceptOffer(on));
    case 'rule': {
      const { amount, reason } = given;
      return made('rule', bodies.rule, { seller_amount: amount, reason }, (body) => inputs.rule(on, body));
    }
    case 'escalate':
      return made('escalate', bodies.empty, {}, () => inputs.escalate(on));
    case 'sign_amendment': {
      const { terms_hash, amendment_id: amendmentId = '' } = given;
      return made('signAmendment', bodies.agree, { terms_hash }, (body) => ({
        amendmentId,
        termsHash: body.terms_hash,
      }));
    }
    case 'reject_amendment':
      return made('rejectAmendment', bodies.empty, {}, () => ({ amendmentId: given.amendment_id ?? '' }));
    case 'freeze': {
      const { scope, milestone_id, reason } = given;
      return made('freeze', bodies.freeze, { scope, milestone_id, reason }, (body) => inputs.freeze(escrowId, body));
    }
    case 'unfreeze': {
      const { scope, milestone_id } = given;
      return made('unfreeze', bodies.unfreeze, { scope, milestone_id }, (body) => inputs.unfreeze(escrowId, body));
    }
  }
}

/** What a form names in its own words. */
const LABELS: Record<string, string> = { note: 'The note', reason: 'The reason', deliverable_sha256: 'The fingerprint', amount: 'The amount', seller_amount: 'The amount', message: 'The reply', until: 'The date', text: 'What you write', reference: 'The reference', interval: 'How often', title: 'The title', label: 'The name', scopes: 'The scopes', url: 'The address', event_types: 'The events', description: 'What it is for' }; // prettier-ignore

/** What a schema makes of the fields that were filled in. @throws Problem in the form's words */
function checkedBody<Schema extends z.ZodType>(schema: Schema, given: object): z.output<Schema> {
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const result = schema.safeParse(present);
  if (result.success) return result.data;
  const problem = invalidInput(result.error, 'body');
  const label = LABELS[problem.param ?? ''];
  if (label === undefined) throw problem;
  const missing = problem.code === 'parameter_missing';
  const words = missing ? `${label} is missing.` : `${label}: ${result.error.issues[0]?.message ?? 'not valid'}.`;
  throw new Problem(problem.code, words, { param: problem.param });
}

function made<Name extends Exclude<EscrowCommandName, 'create'>, Schema extends z.ZodType>(
  name: Name,
  schema: Schema,
  given: object,
  input: (body: z.output<Schema>) => CommandInput<Name>,
): Command {
  const body = checkedBody(schema, given);
  return { name, body, input: input(body) } as unknown as Command;
}
