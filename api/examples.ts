// One request for each operation, shown in the OpenAPI document and the reference. test/examples sends every one of them to a
// running API, with things in the state that `given` names and their ids in the place of those here.
import type { Route } from './route.ts';

const uuid = '01a1fe186535726988a099e945cd29dd';

/** Things that examples name by id; the test puts the ids of real ones in their places. */
export const THINGS = {
  escrow: `esc_${uuid}`,
  milestone: `ms_${uuid}`,
  amendment: `amd_${uuid}`,
  dispute: `dsp_${uuid}`,
  file: `fil_${uuid}`,
  seller: `usr_${uuid}`,
  buyer: 'usr_01a1fe186535726988a099e945cd30aa',
  notification: `ntf_${uuid}`,
  approval: `apr_${uuid}`,
  debt: `dbt_${uuid}`,
  alert: '4711',
  stripeEvent: 'evt_1SQfTr2eZvKYlo2C8vYzRkLm',
  failedRefund: `rfd_${uuid}`,
  event: `evt_${uuid}`,
  endpoint: `whe_${uuid}`,
  delivery: '815',
  apiKey: `key_${uuid}`,
  reconciliation: `rec_${uuid}`,
  difference: '7',
  termsHash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
} as const;
export type Thing = keyof typeof THINGS;

/** The state in which things are when an example is sent. */
export type Given =
  | 'nothing'
  | 'a proposed escrow'
  | 'an agreed escrow'
  | 'a paid escrow'
  | 'a frozen escrow'
  | 'a paid milestone'
  | 'a delivered milestone'
  | 'a payment that Stripe cannot refund any more'
  | 'money that was held for almost too long'
  | 'an amendment'
  | 'a file'
  | 'a dispute'
  | 'a dispute with an offer'
  | 'a dispute before ops'
  | 'a chargeback'
  | 'a chargeback with evidence'
  | 'a notification'
  | 'an approval that waits'
  | 'a debt'
  | 'an alert'
  | 'an event of Stripe'
  | 'a refund that came back'
  | 'an event'
  | 'an endpoint with a delivery'
  | 'an API key'
  | 'a reconciliation';

export interface Example {
  /** Whose key calls. */
  by: 'buyer' | 'seller' | 'ops' | 'auditor';
  given: Given;
  query?: Readonly<Record<string, string | number>>;
  body?: object;
}

const of = (by: Example['by'], given: Given, body?: object): Example => ({ by, given, ...(body && { body }) });
const asked = (by: Example['by'], given: Given, query: NonNullable<Example['query']>): Example => ({
  by,
  given,
  query,
});
const { milestone, seller } = THINGS;

/** By operationId. `npm run check` fails where one is missing, or is not what its operation takes. */
export const EXAMPLES: Readonly<Record<string, Example>> = {
  proposeEscrow: of('buyer', 'nothing', {
    title: 'A website',
    currency: 'usd',
    funding: 'upfront',
    milestones: [
      { title: 'Design', amount: 120_000, seller_id: seller, inspection_period: 'P7D' },
      { title: 'Programming', amount: 340_000, seller_id: seller },
    ],
    external_id: 'order-4711',
    metadata: { department: 'marketing' },
  }),
  listEscrows: asked('buyer', 'a paid escrow', { status: 'active', limit: 10 }),
  getEscrow: of('buyer', 'a paid escrow'),
  getTimeline: asked('buyer', 'a paid escrow', { limit: 50 }),
  explainEscrow: of('buyer', 'a paid escrow'),
  previewEscrow: of('buyer', 'a delivered milestone', { action: 'accept', milestone_id: milestone, amount: 4000 }),
  agreeToEscrow: of('seller', 'a proposed escrow', { terms_hash: THINGS.termsHash }),
  fundEscrow: of('buyer', 'an agreed escrow', { payment_method: 'pm_card_visa' }),
  cancelEscrow: of('buyer', 'a proposed escrow', { reason: 'Changed my mind.' }),
  proposeAmendment: of('buyer', 'a paid escrow', { milestones: [{ id: milestone, amount: 8000 }] }),
  signAmendment: of('seller', 'an amendment'),
  rejectAmendment: of('seller', 'an amendment'),
  startMilestone: of('seller', 'a paid milestone'),
  submitMilestone: of('seller', 'a paid milestone', { note: 'Here it is.' }),
  acceptMilestone: of('buyer', 'a delivered milestone', { amount: 4000 }),
  requestChanges: of('buyer', 'a delivered milestone', { note: 'The logo should be larger.' }),
  extendInspection: of('buyer', 'a delivered milestone'),
  refundMilestone: of('seller', 'a paid milestone', { amount: 2500, reason: 'Less was needed.' }),
  openDispute: of('buyer', 'a delivered milestone', { reason: 'Half of it is missing.', claim: { amount: 5000 } }),
  listDisputes: asked('buyer', 'a dispute', { escrow_id: THINGS.escrow }),
  getDispute: of('buyer', 'a dispute'),
  replyToDispute: of('seller', 'a dispute', { message: 'It is all there: see page 12.' }),
  offerInDispute: of('seller', 'a dispute', { seller_amount: 8000 }),
  acceptOffer: of('buyer', 'a dispute with an offer'),
  escalateDispute: of('buyer', 'a dispute with an offer'),
  ruleDispute: of('ops', 'a dispute before ops', { seller_amount: 6000, reason: 'Three of five parts were delivered.' }),
  stageEvidence: of('seller', 'a chargeback', { text: 'Delivered on 3 March, accepted by the buyer on 5 March.' }),
  submitEvidence: of('seller', 'a chargeback with evidence'),
  acceptLoss: of('seller', 'a chargeback'),
  uploadFile: of('seller', 'a paid escrow', { escrow_id: THINGS.escrow, file: 'drawing.pdf' }),
  listFiles: asked('seller', 'a file', { escrow_id: THINGS.escrow }),
  getFile: of('seller', 'a file'),
  downloadFile: of('seller', 'a file'),
  listPayments: of('buyer', 'a paid escrow'),
  listRefunds: of('buyer', 'a paid escrow'),
  listTransfers: of('buyer', 'a paid escrow'),
  listPaymentMethods: asked('buyer', 'nothing', { currency: 'eur' }),
  listPayouts: of('seller', 'nothing'),
  createSeller: of('buyer', 'nothing', { email: 'carla@studio.example', country: 'US', name: 'Carla’s Studio' }),
  getSeller: of('seller', 'nothing'),
  createOnboardingLink: of('seller', 'nothing', { return_url: 'https://example.com/verified' }),
  changePayoutSchedule: of('seller', 'nothing', { interval: 'weekly', weekly_anchor: 'friday' }),
  getSellerBalance: of('seller', 'nothing'),
  listNotifications: asked('buyer', 'a notification', { unread: 'true' }),
  readNotification: of('buyer', 'a notification'),
  listNotificationPreferences: of('buyer', 'nothing'),
  setNotificationPreference: of('buyer', 'nothing', { kind: 'amendment_ended', mail: false }),
  listApprovals: asked('auditor', 'an approval that waits', { status: 'pending' }),
  approve: of('ops', 'an approval that waits'),
  deny: of('ops', 'an approval that waits'),
  forceDecision: of('ops', 'money that was held for almost too long', { milestone_id: milestone, decision: 'refund', reason: 'Nobody answers.' }),
  refundByBank: of('ops', 'a payment that Stripe cannot refund any more', { milestone_id: milestone, amount: 10_000, reference: 'Wire 2027-03-05/19', reason: 'SEPA refunds end after 180 days.' }),
  writeOffDebt: of('ops', 'a debt', { reason: 'The seller is gone.' }),
  listAlerts: of('auditor', 'an alert'),
  resolveAlert: of('ops', 'an alert', { note: 'Called the buyer: all is well.' }),
  listAudit: asked('auditor', 'a paid escrow', { subject: THINGS.escrow, verify: 'true' }),
  freezeEscrow: of('ops', 'a paid escrow', { scope: 'milestone', milestone_id: milestone, reason: 'The police asked.' }),
  unfreezeEscrow: of('ops', 'a frozen escrow', { scope: 'escrow' }),
  releaseByHand: of('ops', 'a delivered milestone', { milestone_id: milestone, reason: 'The buyer said yes on the phone.' }),
  listStripeEvents: asked('auditor', 'an event of Stripe', { state: 'done' }),
  replayStripeEvent: of('ops', 'an event of Stripe'),
  checkInvariants: of('auditor', 'nothing'),
  listDebts: asked('auditor', 'a debt', { status: 'open' }),
  repayDebt: of('ops', 'a debt', { amount: 1000, reference: 'Wire 2027-03-05/17' }),
  listFailedRefunds: asked('auditor', 'a refund that came back', { status: 'owed' }),
  retryFailedRefund: of('ops', 'a refund that came back'),
  payFailedRefundByBank: of('ops', 'a refund that came back', { reference: 'Wire 2027-03-05/18', reason: 'Her card is closed.' }),
  listEvents: asked('buyer', 'an event', { type: 'escrow.proposed', limit: 10 }),
  getEvent: of('buyer', 'an event'),
  createWebhookEndpoint: of('seller', 'nothing', { url: 'https://hooks.example.com/tranche', event_types: ['milestone.funded', 'payout.updated'] }),
  listWebhookEndpoints: of('seller', 'an endpoint with a delivery'),
  getWebhookEndpoint: of('seller', 'an endpoint with a delivery'),
  updateWebhookEndpoint: of('seller', 'an endpoint with a delivery', { event_types: ['*'], status: 'enabled' }),
  deleteWebhookEndpoint: of('seller', 'an endpoint with a delivery'),
  rotateWebhookSecret: of('seller', 'an endpoint with a delivery', { overlap_hours: 48 }),
  listWebhookDeliveries: asked('seller', 'an endpoint with a delivery', { status: 'failed' }),
  replayWebhookDelivery: of('seller', 'an endpoint with a delivery'),
  createApiKey: of('buyer', 'nothing', { label: 'Accounting', scopes: ['read'] }),
  listApiKeys: of('buyer', 'an API key'),
  revokeApiKey: of('buyer', 'an API key'),
  startReconciliation: of('ops', 'nothing', { days: 7, settle_seconds: 1 }),
  listReconciliations: of('auditor', 'a reconciliation'),
  getReconciliation: of('auditor', 'a reconciliation'),
  listDifferences: asked('auditor', 'a reconciliation', { limit: 10 }),
  repairDifference: of('ops', 'a reconciliation', { repair: 'post', reason: 'Topped up by hand in Stripe’s dashboard.' }),
}; // prettier-ignore

/** What an id in a path is of, by what stands before it. */
const BY_COLLECTION: Readonly<Record<string, Thing>> = {
  escrows: 'escrow',
  amendments: 'amendment',
  disputes: 'dispute',
  files: 'file',
  sellers: 'seller',
  notifications: 'notification',
  approvals: 'approval',
  debts: 'debt',
  alerts: 'alert',
  events: 'event',
  'ops/events': 'stripeEvent',
  'failed-refunds': 'failedRefund',
  webhook_endpoints: 'endpoint',
  deliveries: 'delivery',
  api_keys: 'apiKey',
  reconciliations: 'reconciliation',
  differences: 'difference',
  milestones: 'milestone',
};

/** "/v1/escrows/{id}" → { id: 'escrow' }. @throws Error for a collection that nobody has named above */
export function thingsOfPath(path: string): Record<string, Thing> {
  const found = [...path.matchAll(/(?:(ops)\/)?([\w-]+)\/\{(\w+)\}/g)].map(([, ops, collection, name]) => {
    const thing = BY_COLLECTION[`${ops}/${collection}`] ?? BY_COLLECTION[collection!];
    if (thing === undefined) throw new Error(`api/examples.ts does not say what the ids of ${path} are of`);
    return [name!, thing] as const;
  });
  return Object.fromEntries(found);
}

/** An operation of the OpenAPI document, as far as its example goes. */
export interface ShownOperation {
  parameters?: { name: string; in: string; example?: unknown }[];
  requestBody?: { content: Record<string, { example?: object }> };
}

/** The request that an operation's example is: its address with path and query, and what is sent of which media type. */
export function requestOf(path: string, { parameters = [], requestBody }: ShownOperation): { address: string; mediaType: string; body: Record<string, unknown> } {
  const of = (where: string) =>
    parameters.filter((p) => p.in === where && p.example !== undefined).map((p) => [p.name, String(p.example as string | number)] as const);
  const filled = of('path').reduce((text, [name, value]) => text.replace(`{${name}}`, value), path);
  const query = new URLSearchParams(Object.fromEntries(of('query'))).toString();
  const [[mediaType, content] = ['application/json', {}]] = Object.entries(requestBody?.content ?? {}) as [string, { example?: object }][];
  return { address: query === '' ? filled : `${filled}?${query}`, mediaType, body: { ...content.example } };
} // prettier-ignore

/** Where routes and examples are apart: each a line for `npm run check`. */
export function faultsOfExamples(routes: readonly Route[]): string[] {
  const known = new Set(routes.map(({ operationId }) => operationId));
  const gone = Object.keys(EXAMPLES).filter((id) => !known.has(id));
  return [
    ...gone.map((id) => `api/examples.ts has an example of ${id}, which is no operation.`),
    ...routes.flatMap(faultOfExample),
  ];
}

function faultOfExample({ operationId, roles, query, body, bodyType }: Route): string[] {
  const example = EXAMPLES[operationId];
  if (example === undefined) return [`api/examples.ts has no example of ${operationId}: write one, and run it by test/examples.`];
  const faults: string[] = [];
  const judge = (what: string, schema: Route['body'], value: object | undefined): void => {
    const result = schema?.safeParse(value ?? {});
    if (schema === undefined ? value !== undefined : !result!.success) faults.push(`the example of ${operationId} has a ${what} that it does not take${result?.error ? `: ${result.error.message}` : '.'}`);
  };
  if (!roles.includes(example.by)) faults.push(`the example of ${operationId} is called by ${example.by}, who may not.`);
  judge('query', query, example.query);
  // Of a form its file is a word here.
  if (bodyType === undefined) judge('body', body, example.body);
  return faults;
} // prettier-ignore
