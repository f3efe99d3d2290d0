// The stable error codes of Tranche and the one error class that carries them from the rules to a person.

/** Stable codes: they stand in API answers, in workflow failures and in the docs; never rename one. */
export type ErrorCode =
  | 'action_not_available'
  | 'amount_invalid'
  | 'amount_too_large'
  | 'amount_too_small'
  | 'cross_border_unsupported'
  | 'currency_unsupported'
  | 'due_date_invalid'
  | 'fee_exceeds_amount'
  | 'holding_limit_exceeded'
  | 'metadata_invalid'
  | 'method_excluded'
  | 'milestones_invalid'
  | 'party_invalid'
  | 'period_invalid'
  | 'policy_invalid'
  | 'seller_unknown'
  | 'terms_changed'
  | 'vertical_unknown'
  | 'invariant_broken';

/** A rule said no. `param` names the input at fault (dotted path), `message` says what to do. */
export class RuleError extends Error {
  readonly code: ErrorCode;
  readonly param: string | undefined;

  constructor(code: ErrorCode, message: string, param?: string) {
    super(message);
    this.name = 'RuleError';
    this.code = code;
    this.param = param;
  }
}

/** Throws when the code itself is wrong, never for bad input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new RuleError('invariant_broken', message);
}
