// Errors as people and programs get them: RFC 9457 problem documents with a stable code. Every code stands in PROBLEMS.
import type { z } from 'zod';
import { type ErrorCode, RuleError } from '../domain/errors.ts';

interface ProblemKind {
  status: number;
  title: string;
  /** For the docs: when it comes, and what to do. */
  help: string;
}

const rule = (title: string, help: string): ProblemKind => ({ status: 400, title, help });

const RULES: Record<Exclude<ErrorCode, 'action_not_available' | 'terms_changed' | 'invariant_broken'>, ProblemKind> = {
  amount_invalid: rule('The amount is not valid', 'Amounts are whole minor units above zero, in the multiples that the currency asks for, and at most what is left.'),
  amount_too_large: rule('The amount is too large', 'Split the work over more escrows or milestones.'),
  amount_too_small: rule('The amount is too small', 'Each currency has a smallest charge; `detail` names it.'),
  currency_unsupported: rule('The currency is not supported', 'Use a lower-case ISO 4217 code such as `usd`.'),
  due_date_invalid: rule('A date is not valid', 'Dates are ISO 8601 instants; `due_at` lies in the future and after `starts_at`.'),
  fee_exceeds_amount: rule('The fee exceeds the amount', 'Ask for a larger amount, or let the buyer pay the fee.'),
  holding_limit_exceeded: rule('The money would be held for too long', 'Choose earlier dates or a shorter inspection period.'),
  metadata_invalid: rule('The metadata is not valid', 'At most 50 keys of 40 characters, with texts of at most 500.'),
  method_excluded: rule('The payment method cannot be used here', 'Choose another payment method.'),
  milestones_invalid: rule('The milestones are not valid', 'An escrow has 1 to 50 milestones.'),
  party_invalid: rule('A party is not valid', 'The buyer cannot sell to themself; a seller who proposes names the buyer.'),
  period_invalid: rule('A period is not valid', 'Periods are ISO 8601, such as `P14D` or `PT12H`.'),
  policy_invalid: rule('The policy is not valid', '`param` names the field; live mode has minimums.'),
  cross_border_unsupported: rule('The seller cannot be paid from here', 'Choose a seller in a country that Stripe transfers to.'),
  seller_unknown: rule('The seller is not known', '`seller_id` takes the id of a registered seller.'),
  vertical_unknown: rule('The vertical is not known', '`detail` names those that exist.'),
}; // prettier-ignore

const OTHERS = {
  invalid_request: { status: 400, title: 'The request is not valid', help: '`param` names the input at fault, `detail` says what it takes.' },
  parameter_missing: { status: 400, title: 'A parameter is missing', help: 'Add the parameter that `param` names.' },
  multipart_invalid: { status: 400, title: 'The body is not multipart/form-data', help: 'Send the file as the part `file` of a multipart/form-data body.' },
  parameter_unknown: { status: 400, title: 'A parameter is not known', help: 'Leave out or correct the parameter that `param` names.' },
  invalid_json: { status: 400, title: 'The body is not JSON', help: 'Send a JSON object with `Content-Type: application/json`.' },
  idempotency_key_required: { status: 400, title: 'The Idempotency-Key is missing', help: 'Every POST carries a key of its own (1 to 255 characters, such as a UUID), the same one when it is repeated.' },
  api_version_unknown: { status: 400, title: 'The API version is not known', help: 'Leave the API-Version header out, or send the one that answers carry.' },
  signature_invalid: { status: 400, title: 'The signature is not valid', help: 'The webhook was not signed with a secret of this installation, or too long ago. Nothing was stored.' },
  unauthorized: { status: 401, title: 'Who are you?', help: 'Send `Authorization: Bearer sk_tranche_…` with a key that is not revoked.' },
  payment_declined: { status: 402, title: 'The payment was declined', help: 'Nothing was charged. Fund again with another method and a new Idempotency-Key.' },
  forbidden: { status: 403, title: 'Not for your role', help: 'This call belongs to another role.' },
  scope_missing: { status: 403, title: 'The API key may not do this', help: 'Its scopes do not reach so far: `read` for GET, `write` for what changes something, `ops` beside them for staff’s calls. Make a key that has them.' },
  not_found: { status: 404, title: 'Not found', help: 'There is no such object, or it is not yours.' },
  method_not_allowed: { status: 405, title: 'This address has no such method', help: 'The `Allow` header names the methods that it has.' },
  action_not_available: { status: 409, title: 'This is not possible now', help: 'The state, or your role in it, forbids it; `available_actions` holds what you may do.' },
  terms_changed: { status: 409, title: 'The terms have changed', help: 'Read the escrow again and agree with its current `terms_hash`.' },
  idempotency_conflict: { status: 409, title: 'The Idempotency-Key was used for something else', help: 'Repeat the same request, or take a new key.' },
  idempotency_running: { status: 409, title: 'The same request is still running', help: 'Ask again after `Retry-After` seconds with the same key.' },
  email_taken: { status: 409, title: 'The e-mail address is taken', help: 'Somebody is registered with it already.' },
  approval_closed: { status: 409, title: 'The request is closed', help: 'It expired, or somebody decided it: ask again.' },
  approval_changed: { status: 409, title: 'This is not what was asked for', help: 'Read the approval again: its parameters are not those of its hash, or not those that you read.' },
  file_invalid: { status: 400, title: 'The file is not taken', help: 'Files are checked by their content: `detail` says what is wrong. Send a PDF, an image, a video, an archive, an office document or plain text of at most 10 MB.' },
  limit_reached: { status: 409, title: 'There are as many as there may be', help: 'Delete one first; `detail` names the limit.' },
  endpoint_disabled: { status: 409, title: 'The endpoint is disabled', help: 'Enable it first: nothing is sent to a disabled endpoint.' },
  delivery_pending: { status: 409, title: 'It is on its way', help: 'This delivery is still being tried; its log shows when.' },
  event_quarantined: { status: 409, title: 'The event is quarantined', help: 'It belongs to another mode (live or test) and is never run here.' },
  body_too_large: { status: 413, title: 'The body is too large', help: 'At most 1 MB of JSON; a file has at most 10 MB.' },
  media_type_unsupported: { status: 415, title: 'The media type is not supported', help: 'Send `Content-Type: application/json`.' },
  fund_cancel_limit: { status: 429, title: 'Too many escrows were funded and cancelled', help: 'Each of them cost processing fees. Fund again tomorrow, or let the other side agree first.' },
  rate_limited: { status: 429, title: 'Too many requests', help: 'Wait for `Retry-After` seconds.' },
  internal_error: { status: 500, title: 'Something went wrong here', help: 'Name `request_id` when you report it. Repeating with the same key is safe.' },
  command_failed: { status: 502, title: 'The command failed', help: 'The payment processor refused it for good, or it failed on its way; `detail` says why.' },
  payments_unavailable: { status: 502, title: 'The payment processor did not answer', help: 'Nothing is lost: ask again with the same key.' },
  outcome_unknown: { status: 503, title: 'The outcome is not known yet', help: 'The command may still run. Ask again with the same Idempotency-Key: it is never done twice.' },
} satisfies Record<string, ProblemKind>; // prettier-ignore

export type ProblemCode = keyof typeof RULES | keyof typeof OTHERS;
export const PROBLEMS: Readonly<Record<ProblemCode, ProblemKind>> = { ...RULES, ...OTHERS };

export const PROBLEM_TYPE = 'application/problem+json';

export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail: string;
  param?: string;
  request_id?: string;
  [extra: string]: unknown;
}

interface ProblemExtras {
  param?: string | undefined;
  /** Members beside the standard ones. */
  extra?: Record<string, unknown>;
  headers?: Record<string, string>;
  cause?: unknown;
}

/** Thrown anywhere under a route; the app answers with it. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly param: string | undefined;
  readonly extra: Record<string, unknown>;
  readonly headers: Record<string, string>;

  constructor(code: ProblemCode, detail?: string, extras: ProblemExtras = {}) {
    super(detail ?? PROBLEMS[code].help, { cause: extras.cause });
    this.name = 'Problem';
    this.code = code;
    this.status = PROBLEMS[code].status;
    this.param = extras.param;
    this.extra = extras.extra ?? {};
    this.headers = extras.headers ?? {};
  }

  document(requestId?: string): ProblemDocument {
    return {
      type: `/docs/errors#${this.code}`,
      title: PROBLEMS[this.code].title,
      status: this.status,
      code: this.code,
      detail: this.message,
      ...(this.param === undefined ? {} : { param: this.param }),
      ...this.extra,
      ...(requestId === undefined ? {} : { request_id: requestId }),
    };
  }
}

const BODY_PARSER: Record<string, ProblemCode> = {
  'entity.parse.failed': 'invalid_json',
  'entity.too.large': 'body_too_large',
  'encoding.unsupported': 'media_type_unsupported',
  'charset.unsupported': 'media_type_unsupported',
};

/** What is not meant for the caller becomes internal_error; its cause goes to the log only. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof RuleError && error.code !== 'invariant_broken') {
    return new Problem(error.code, error.message, { param: error.param, cause: error });
  }
  const { type, status } = (error ?? {}) as { type?: unknown; status?: unknown };
  if (typeof type === 'string' && type in BODY_PARSER)
    return new Problem(BODY_PARSER[type]!, undefined, { cause: error });
  if (status === 400) return new Problem('invalid_request', 'The request cannot be read.', { cause: error });
  return new Problem('internal_error', undefined, { cause: error });
}

/** ['milestones', 1, 'amount'] → "milestones[1].amount" */
export function dotted(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

/** The first thing that is wrong, as a problem that says what to do. */
export function invalidInput(error: z.ZodError, where: 'body' | 'query' | 'path'): Problem {
  const issue = error.issues[0];
  if (!issue) return new Problem('invalid_request');
  const param = dotted(issue.path);
  const of = (name: string) => (name === '' ? where : name);
  if (issue.code === 'unrecognized_keys') {
    const unknown = dotted([...issue.path, issue.keys[0] ?? '']);
    return new Problem('parameter_unknown', `${unknown} is not a parameter of this call (${where}): leave it out or correct its name.`, { param: unknown }); // prettier-ignore
  }
  const code: ProblemCode = param.startsWith('metadata') ? 'metadata_invalid' : 'invalid_request';
  if (issue.code === 'invalid_type' && issue.input === undefined && issue.message.includes('received undefined')) {
    return new Problem('parameter_missing', `${of(param)} is missing: it takes ${issue.expected}.`, {
      param: of(param),
    });
  }
  return new Problem(code, `${of(param)}: ${issue.message}`, { param: of(param) });
}
