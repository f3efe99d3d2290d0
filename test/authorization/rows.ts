// The authorization matrix: one row for every route of API and pages, written by hand and apart from the routes' own words, so
// that both must agree. `npm run check` and the test fail for a route without a row.

/** Whose the things of a route are; the test tries a person's own and another's. */
export type Kind =
  /** Nobody's in particular: lists of one's own, one's own settings. */
  | 'none'
  /** Anybody's, also without signing in. */
  | 'public'
  /** Of an escrow's parties; staff read all. */
  | 'escrow'
  /** Of one person; nobody else's, staff included. */
  | 'personal'
  /** Of one seller; staff too. */
  | 'seller'
  /** Of one person; ops too. */
  | 'owner'
  /** Of the installation: by role alone. In the place of another's thing stands one that nobody has. */
  | 'staff';

export interface Row {
  kind: Kind;
  /** `ops` are all of ops, `ops-approver` those who decide what others asked for. */
  roles: readonly string[];
  /** A body that is valid as far as its form goes; text starting with $ stands for an id. */
  body: Record<string, unknown>;
  /** Of a public route, whoever calls: it is let in unless said otherwise. */
  answers?: 'refused' | 'hidden';
}

const row = (roles: string, kind: Kind, body: Record<string, unknown> = {}): Row => ({
  kind,
  roles: roles.split(' '),
  body,
});
/** Open to everybody, and leads whoever calls it so to sign in, or is not there in an installation like this one. */
const open = (answers: 'refused' | 'hidden'): Row => ({ ...row(ALL, 'public'), answers });
const ALL = 'buyer seller ops auditor';
const STAFF = 'ops auditor';
const OWNERS = 'buyer seller ops';
const PARTIES = 'buyer seller';

const MILESTONE = { title: 'M', amount: 5000, seller_id: '$seller' };

export const ROWS: Readonly<Record<string, Row>> = {
  // ---- API ----
  'POST /v1/escrows': row(PARTIES, 'none', { title: 'T', currency: 'usd', funding: 'upfront', milestones: [MILESTONE] }),
  'GET /v1/escrows': row(ALL, 'none'),
  'GET /v1/escrows/{id}': row(ALL, 'escrow'),
  'GET /v1/escrows/{id}/timeline': row(ALL, 'escrow'),
  'GET /v1/escrows/{id}/explanation': row(ALL, 'escrow'),
  'GET /v1/escrows/{id}/payments': row(ALL, 'escrow'),
  'GET /v1/escrows/{id}/refunds': row(ALL, 'escrow'),
  'GET /v1/escrows/{id}/transfers': row(ALL, 'escrow'),
  'POST /v1/escrows/{id}/preview': row(ALL, 'escrow', { action: 'cancel' }),
  'POST /v1/escrows/{id}/agree': row(ALL, 'escrow'),
  'POST /v1/escrows/{id}/fund': row(ALL, 'escrow'),
  'POST /v1/escrows/{id}/cancel': row(ALL, 'escrow'),
  'POST /v1/escrows/{id}/amendments': row(ALL, 'escrow', { title: 'New', milestones: [MILESTONE] }),
  'POST /v1/amendments/{id}/sign': row(ALL, 'escrow'),
  'POST /v1/amendments/{id}/reject': row(ALL, 'escrow'),
  'POST /v1/escrows/{id}/milestones/{mid}/start': row(ALL, 'escrow'),
  'POST /v1/escrows/{id}/milestones/{mid}/submit': row(ALL, 'escrow'),
  'POST /v1/escrows/{id}/milestones/{mid}/accept': row(ALL, 'escrow', { amount: 1 }),
  'POST /v1/escrows/{id}/milestones/{mid}/request-changes': row(ALL, 'escrow', { note: 'n' }),
  'POST /v1/escrows/{id}/milestones/{mid}/extend': row(ALL, 'escrow'),
  'POST /v1/escrows/{id}/milestones/{mid}/refund': row(ALL, 'escrow', { amount: 1, reason: 'r' }),
  'POST /v1/escrows/{id}/milestones/{mid}/dispute': row(ALL, 'escrow', { reason: 'r' }),
  'GET /v1/disputes': row(ALL, 'none'),
  'GET /v1/disputes/{id}': row(ALL, 'escrow'),
  'POST /v1/disputes/{id}/reply': row(ALL, 'escrow', { message: 'm' }),
  'POST /v1/disputes/{id}/offer': row(ALL, 'escrow', { seller_amount: 1 }),
  'POST /v1/disputes/{id}/accept-offer': row(ALL, 'escrow'),
  'POST /v1/disputes/{id}/escalate': row(ALL, 'escrow'),
  'POST /v1/disputes/{id}/rule': row(ALL, 'escrow', { seller_amount: 1, reason: 'r' }),
  'POST /v1/disputes/{id}/evidence': row(ALL, 'escrow', { text: 't' }),
  'POST /v1/disputes/{id}/submit-evidence': row(ALL, 'escrow'),
  'POST /v1/disputes/{id}/accept-loss': row(ALL, 'escrow'),
  'POST /v1/files': row(OWNERS, 'escrow', { escrow_id: '$escrow', file: '$file' }),
  'GET /v1/files': row(ALL, 'none'),
  'GET /v1/files/{id}': row(ALL, 'escrow'),
  'GET /v1/files/{id}/content': row(ALL, 'escrow'),
  'GET /v1/payment-methods': row(ALL, 'none'),
  'GET /v1/payouts': row('seller ops auditor', 'none'),
  'POST /v1/sellers': row(OWNERS, 'none', { email: 'not an address', country: 'US' }),
  'GET /v1/sellers/{id}': row(ALL, 'seller'),
  'GET /v1/sellers/{id}/balance': row(ALL, 'seller'),
  'POST /v1/sellers/{id}/onboarding-link': row('seller ops', 'seller'),
  'POST /v1/sellers/{id}/payout-schedule': row('seller ops', 'seller', { interval: 'daily' }),
  'GET /v1/notifications': row(ALL, 'none'),
  'POST /v1/notifications/{id}/read': row(ALL, 'personal'),
  'GET /v1/notification_preferences': row(ALL, 'none'),
  'POST /v1/notification_preferences': row(ALL, 'none'),
  'GET /v1/events': row(ALL, 'none'),
  'GET /v1/events/{id}': row(ALL, 'escrow'),
  'POST /v1/webhook_endpoints': row(OWNERS, 'none', { url: 'https://example.com/hooks' }),
  'GET /v1/webhook_endpoints': row(OWNERS, 'none'),
  'GET /v1/webhook_endpoints/{id}': row(OWNERS, 'personal'),
  'POST /v1/webhook_endpoints/{id}': row(OWNERS, 'personal', { description: 'd' }),
  'DELETE /v1/webhook_endpoints/{id}': row(OWNERS, 'personal'),
  'POST /v1/webhook_endpoints/{id}/rotate-secret': row(OWNERS, 'personal'),
  'GET /v1/webhook_endpoints/{id}/deliveries': row(OWNERS, 'personal'),
  'POST /v1/webhook_endpoints/{id}/deliveries/{delivery_id}/replay': row(OWNERS, 'personal'),
  'POST /v1/api_keys': row(ALL, 'none', { label: 'l', scopes: ['read'] }),
  'GET /v1/api_keys': row(ALL, 'none'),
  'DELETE /v1/api_keys/{id}': row(ALL, 'personal'),
  'GET /v1/ops/approvals': row(STAFF, 'none'),
  'POST /v1/ops/approvals/{id}/approve': row('ops-approver', 'staff'),
  'POST /v1/ops/approvals/{id}/deny': row('ops-approver', 'staff'),
  'POST /v1/ops/escrows/{id}/force-decision': row('ops', 'staff', { milestone_id: '$milestone', decision: 'refund', reason: 'r' }),
  'POST /v1/ops/escrows/{id}/freeze': row('ops', 'staff', { reason: 'r' }),
  'POST /v1/ops/escrows/{id}/unfreeze': row('ops', 'staff'),
  'POST /v1/ops/escrows/{id}/release': row('ops', 'staff', { milestone_id: '$milestone', reason: 'r' }),
  'POST /v1/ops/reconciliations': row('ops', 'none'),
  'GET /v1/ops/reconciliations': row(STAFF, 'none'),
  'GET /v1/ops/reconciliations/{id}': row(STAFF, 'staff'),
  'GET /v1/ops/reconciliations/{id}/differences': row(STAFF, 'staff'),
  'POST /v1/ops/reconciliations/{id}/differences/{n}/repair': row('ops', 'staff', { repair: 'post', reason: 'r' }),
  'GET /v1/ops/audit': row(STAFF, 'none'),
  'GET /v1/ops/events': row(STAFF, 'none'),
  'POST /v1/ops/events/{id}/replay': row('ops', 'staff'),
  'GET /v1/ops/invariants': row(STAFF, 'none'),
  'GET /v1/ops/debts': row(STAFF, 'none'),
  'POST /v1/ops/debts/{id}/write-off': row('ops', 'staff', { reason: 'r' }),
  'POST /v1/ops/debts/{id}/repay': row('ops', 'staff', { amount: 1, reference: 'r' }),
  'GET /v1/ops/alerts': row(STAFF, 'none'),
  'POST /v1/ops/alerts/{id}/resolve': row('ops', 'staff', { note: 'n' }),
  'GET /v1/ops/failed-refunds': row(STAFF, 'none'),
  'POST /v1/ops/failed-refunds/{id}/retry': row('ops', 'staff'),
  'POST /v1/ops/failed-refunds/{id}/paid-by-bank': row('ops', 'staff', { reference: 'r', reason: 'r' }),

  // ---- for everybody and for machines ----
  'POST /webhooks/stripe': row(ALL, 'public'),
  'GET /openapi.json': row(ALL, 'public'),
  'GET /docs': row(ALL, 'public'),
  'GET /docs/errors': row(ALL, 'public'),
  'GET /healthz': row(ALL, 'public'),
  'GET /metrics': row(ALL, 'public'),

  // ---- pages ----
  'GET /': row(ALL, 'none'),
  'GET /sign-in': row(ALL, 'public'),
  'POST /sign-in': row(ALL, 'public'),
  'POST /sign-in/as': row(ALL, 'public', { person: 'buyer' }),
  'POST /sign-out': row(ALL, 'none'),
  'GET /sign-in/code': open('refused'),
  'POST /sign-in/code': open('refused'),
  'GET /sign-in/oidc': open('hidden'),
  'GET /sign-in/oidc/return': open('hidden'),
  'GET /reset/ask': row(ALL, 'public'),
  'POST /reset/ask': row(ALL, 'public'),
  'GET /reset': row(ALL, 'public'),
  'POST /reset': row(ALL, 'public'),
  'GET /invitation': row(ALL, 'public'),
  'POST /invitation': row(ALL, 'public'),
  'GET /security': row(ALL, 'none'),
  'GET /step-up': row(ALL, 'none'),
  'POST /step-up': row(ALL, 'none'),
  'POST /security/password': row(ALL, 'none'),
  'POST /security/sessions/end-others': row(ALL, 'none'),
  'POST /security/sessions/:id/end': row(ALL, 'personal'),
  'POST /security/second-factor/begin': row(ALL, 'none'),
  'GET /security/second-factor': row(ALL, 'none'),
  'POST /security/second-factor': row(ALL, 'none'),
  'POST /security/second-factor/off': row(ALL, 'none'),
  'POST /security/recovery-codes': row(ALL, 'none'),
  'GET /invitations': row(OWNERS, 'none'),
  'POST /invitations': row(OWNERS, 'none', { as: '$counterpart', email: 'nobody' }),
  'POST /invitations/:id/revoke': row(OWNERS, 'owner'),
  'GET /ops/reconciliations': row(STAFF, 'none'),
  'POST /ops/reconciliations': row('ops', 'none'),
  'GET /ops/reconciliations/:id': row(STAFF, 'staff'),
  'POST /ops/reconciliations/:id/differences/:n/repair': row('ops', 'staff', { repair: 'post', reason: 'r' }),
  'GET /escrows': row(ALL, 'none'),
  'GET /escrows/new': row(PARTIES, 'none'),
  'POST /escrows/new': row(PARTIES, 'none', { intent: 'quote' }),
  'GET /escrows/:id': row(ALL, 'escrow'),
  'GET /escrows/:id/money': row(ALL, 'escrow'),
  'GET /escrows/:id/events': row(ALL, 'escrow'),
  'GET /escrows/:id/:action': row(ALL, 'escrow'),
  'POST /escrows/:id/:action': row(ALL, 'escrow'),
  'GET /escrows/:id/milestones/:mid/:action': row(ALL, 'escrow'),
  'POST /escrows/:id/milestones/:mid/:action': row(ALL, 'escrow', { reason: 'r' }),
  'GET /escrows/:id/amend': row(PARTIES, 'escrow'),
  'POST /escrows/:id/amend': row(PARTIES, 'escrow'),
  'GET /escrows/:id/receipts/:payment': row(ALL, 'escrow'),
  'GET /disputes/:id': row(ALL, 'escrow'),
  'POST /disputes/:id/evidence': row('seller ops', 'escrow'),
  'POST /disputes/:id/submit-evidence': row('seller ops', 'escrow'),
  'POST /disputes/:id/accept-loss': row('seller ops', 'escrow'),
  'GET /statements': row(PARTIES, 'none'),
  'GET /statements.csv': row(PARTIES, 'none'),
  'GET /money': row('seller', 'none'),
  'POST /money/payout-schedule': row('seller', 'none', { interval: 'daily' }),
  'GET /money/payouts/:id': row('seller', 'seller'),
  'GET /files/:id': row(ALL, 'escrow'),
  'GET /pay/:id': row(ALL, 'escrow'),
  'POST /pay/:id': row(ALL, 'escrow'),
  'GET /verification': row('seller', 'none'),
  'POST /verification': row('seller', 'none'),
  'GET /ops': row(STAFF, 'none'),
  'GET /ops/health': row(STAFF, 'none'),
  'GET /ops/chargebacks': row(STAFF, 'none'),
  'GET /ops/payouts': row(STAFF, 'none'),
  'GET /ops/escrows/:id': row(STAFF, 'escrow'),
  'POST /ops/alerts/:id/resolve': row('ops', 'staff', { note: 'n' }),
  'GET /ops/search': row(STAFF, 'none'),
  'GET /ops/events': row(STAFF, 'none'),
  'GET /ops/approvals': row(STAFF, 'none'),
  'GET /ops/approvals/:id': row(STAFF, 'staff'),
  'POST /ops/approvals/:id/approve': row('ops-approver', 'staff'),
  'POST /ops/approvals/:id/deny': row('ops-approver', 'staff'),
  'GET /ops/audit': row(STAFF, 'none'),
  'GET /ops/debts': row(STAFF, 'none'),
  'GET /ops/debts/:id': row(STAFF, 'staff'),
  'POST /ops/debts/:id/repay': row('ops', 'staff'),
  'POST /ops/debts/:id/write-off': row('ops', 'staff', { reason: 'r' }),
  'GET /ops/escrows/:id/force-decision': row('ops', 'staff'),
  'POST /ops/escrows/:id/force-decision': row('ops', 'staff', { reason: 'r' }),
  'POST /ops/events/:id/replay': row('ops', 'staff'),
  'GET /notifications': row(ALL, 'none'),
  'POST /notifications/read': row(ALL, 'none'),
  'POST /notifications/:id/open': row(ALL, 'personal'),
  'GET /preferences': row(ALL, 'none'),
  'POST /preferences': row(ALL, 'none'),
  'GET /ops/outbox': row(STAFF, 'none'),
  'GET /api-keys': row(ALL, 'none'),
  'POST /api-keys': row(ALL, 'none', { label: 'l', scopes: 'read' }),
  'POST /api-keys/:id/revoke': row(ALL, 'personal'),
  'GET /events': row(ALL, 'none'),
  'GET /events/catalogue': row(ALL, 'none'),
  'GET /events/:id': row(ALL, 'escrow'),
  'GET /webhook-endpoints': row(OWNERS, 'none'),
  'POST /webhook-endpoints': row(OWNERS, 'none', { url: 'https://example.com/hooks' }),
  'GET /webhook-endpoints/:id': row(OWNERS, 'personal'),
  'POST /webhook-endpoints/:id': row(OWNERS, 'personal', { url: 'https://example.com/hooks' }),
  'POST /webhook-endpoints/:id/disable': row(OWNERS, 'personal'),
  'POST /webhook-endpoints/:id/enable': row(OWNERS, 'personal'),
  'POST /webhook-endpoints/:id/rotate': row(OWNERS, 'personal'),
  'POST /webhook-endpoints/:id/delete': row(OWNERS, 'personal'),
  'POST /webhook-endpoints/:id/deliveries/:delivery/replay': row(OWNERS, 'personal'),
}; // prettier-ignore
