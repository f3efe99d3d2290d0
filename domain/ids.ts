// Prefixed ids over UUIDv7 ("esc_018f…"): sortable by time, our own keys; Stripe's ids are attributes.

export const ID_PREFIXES = {
  person: 'usr',
  escrow: 'esc',
  milestone: 'ms',
  payment: 'pay',
  transfer: 'trf',
  refund: 'rfd',
  reversal: 'rev',
  dispute: 'dsp',
  amendment: 'amd',
  approval: 'apr',
  apiKey: 'key',
  notification: 'ntf',
  file: 'fil',
  event: 'evt',
  webhookEndpoint: 'whe',
  reconciliation: 'rec',
  debt: 'dbt',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

const UUID_HEX = /^[0-9a-f]{32}$/;

/** "018f-…" → "esc_018f…" (dashes dropped). */
export function idFromUuid(kind: IdKind, uuid: string): string {
  return `${ID_PREFIXES[kind]}_${uuid.replaceAll('-', '').toLowerCase()}`;
}

/** True for a well-formed id of that kind; says nothing of its existence. */
export function isId(kind: IdKind, id: string): boolean {
  const prefix = `${ID_PREFIXES[kind]}_`;
  return id.startsWith(prefix) && UUID_HEX.test(id.slice(prefix.length));
}

/** Workflow id of an escrow: one durable workflow each. */
export const escrowWorkflowId = (escrowId: string): string => `escrow/${escrowId}`;

/**
 * Stripe's idempotency key of one movement of money, from the workflow's own facts and never from a run id or a random
 * number: a reset or a second run computes the same key. A new generation follows only a definite error.
 */
export function movementKey(escrowId: string, subject: string, operation: string, generation: number): string {
  return `${escrowId}:${subject}:${operation}:${generation}`;
}

/** One transfer per milestone and release part: workflow, activity and database name it alike, so that it is made once. */
export const transferIdOf = (milestoneId: string, part: number): string => `trf_${milestoneId.slice(3)}_${part}`;
