// Held by construction: every form that the product takes is sent by a click in a real Chromium, without scripts and with them.
// Each suite names nothing itself: its browser notes what was sent and taken, and its last test asks `unclicked` for the rest.
import type { Page } from 'playwright-core';
import { servedRoutes } from '../authorization/routes.ts';

/** Suites of this folder that click: `‹name›.test.ts`. */
export type ClickingSuite = 'account-pages' | 'browser' | 'developer-pages' | 'every-action' | 'every-form';

/** What takes a POST and is no form of a page. */
export const NO_FORM: Readonly<Record<string, string>> = {
  'POST /webhooks/stripe': 'Stripe sends it',
};

/** Every form of the pages, and the suite that clicks it in both ways. */
export const CLICKED_IN: Readonly<Record<string, ClickingSuite>> = {
  'POST /escrows/new': 'browser',
  // Each action by itself: a new one does not compile without its scene.
  'POST /escrows/:id/:action': 'every-action',
  'POST /escrows/:id/milestones/:mid/:action': 'every-action',
  'POST /escrows/:id/amend': 'every-action',
  'POST /pay/:id': 'every-action',

  'POST /sign-in': 'account-pages',
  'POST /sign-in/as': 'account-pages',
  'POST /sign-in/code': 'account-pages',
  'POST /sign-out': 'account-pages',
  'POST /reset/ask': 'account-pages',
  'POST /reset': 'account-pages',
  'POST /step-up': 'account-pages',
  'POST /security/password': 'account-pages',
  'POST /security/sessions/:id/end': 'account-pages',
  'POST /security/sessions/end-others': 'account-pages',
  'POST /security/second-factor/begin': 'account-pages',
  'POST /security/second-factor': 'account-pages',
  'POST /security/second-factor/off': 'account-pages',
  'POST /security/recovery-codes': 'account-pages',
  'POST /invitation': 'account-pages',
  'POST /invitations': 'account-pages',
  'POST /invitations/:id/revoke': 'account-pages',
  'POST /notifications/read': 'account-pages',
  'POST /notifications/:id/open': 'account-pages',
  'POST /preferences': 'account-pages',

  'POST /api-keys': 'developer-pages',
  'POST /api-keys/:id/revoke': 'developer-pages',
  'POST /api-keys/revoke-all': 'developer-pages',
  'POST /webhook-endpoints': 'developer-pages',
  'POST /webhook-endpoints/:id': 'developer-pages',
  'POST /webhook-endpoints/:id/disable': 'developer-pages',
  'POST /webhook-endpoints/:id/enable': 'developer-pages',
  'POST /webhook-endpoints/:id/rotate': 'developer-pages',
  'POST /webhook-endpoints/:id/delete': 'developer-pages',
  'POST /webhook-endpoints/:id/deliveries/:delivery/replay': 'developer-pages',

  'POST /ops/approvals/:id/approve': 'every-form',
  'POST /ops/approvals/:id/deny': 'every-form',
  'POST /ops/debts/:id/repay': 'every-form',
  'POST /ops/debts/:id/write-off': 'every-form',
  'POST /ops/escrows/:id/force-decision': 'every-form',
  'POST /ops/escrows/:id/refund-by-bank': 'every-form',
  'POST /ops/alerts/:id/resolve': 'every-form',
  'POST /ops/events/:id/replay': 'every-form',
  'POST /ops/reconciliations': 'every-form',
  'POST /ops/reconciliations/:id/differences/:n/repair': 'every-form',
  'POST /disputes/:id/evidence': 'every-form',
  'POST /disputes/:id/submit-evidence': 'every-form',
  'POST /disputes/:id/accept-loss': 'every-form',
  'POST /money/payout-schedule': 'every-form',
  'POST /verification': 'every-form',
};

const ON_ESCROW = 'POST /escrows/:id/:action';
const ON_MILESTONE = 'POST /escrows/:id/milestones/:mid/:action';

/** Of each call of the API that changes something, the form that gives it; or why no page does. */
export const FORM_OF: Readonly<Record<string, string | { none: string }>> = {
  proposeEscrow: 'POST /escrows/new',
  previewEscrow: { none: 'changes nothing: a page shows its answer before each action that moves money' },
  agreeToEscrow: ON_ESCROW,
  fundEscrow: ON_ESCROW,
  cancelEscrow: ON_ESCROW,
  freezeEscrow: ON_ESCROW,
  unfreezeEscrow: ON_ESCROW,
  proposeAmendment: 'POST /escrows/:id/amend',
  signAmendment: ON_ESCROW,
  rejectAmendment: ON_ESCROW,
  startMilestone: ON_MILESTONE,
  submitMilestone: ON_MILESTONE,
  acceptMilestone: ON_MILESTONE,
  requestChanges: ON_MILESTONE,
  extendInspection: ON_MILESTONE,
  refundMilestone: ON_MILESTONE,
  openDispute: ON_MILESTONE,
  replyToDispute: ON_MILESTONE,
  offerInDispute: ON_MILESTONE,
  acceptOffer: ON_MILESTONE,
  escalateDispute: ON_MILESTONE,
  ruleDispute: ON_MILESTONE,
  uploadFile: ON_MILESTONE,
  stageEvidence: 'POST /disputes/:id/evidence',
  submitEvidence: 'POST /disputes/:id/submit-evidence',
  acceptLoss: 'POST /disputes/:id/accept-loss',
  createSeller: 'POST /invitation',
  createOnboardingLink: 'POST /verification',
  changePayoutSchedule: 'POST /money/payout-schedule',
  readNotification: 'POST /notifications/:id/open',
  setNotificationPreference: 'POST /preferences',
  approve: 'POST /ops/approvals/:id/approve',
  deny: 'POST /ops/approvals/:id/deny',
  refundByBank: 'POST /ops/escrows/:id/refund-by-bank',
  forceDecision: 'POST /ops/escrows/:id/force-decision',
  writeOffDebt: 'POST /ops/debts/:id/write-off',
  repayDebt: 'POST /ops/debts/:id/repay',
  resolveAlert: 'POST /ops/alerts/:id/resolve',
  replayStripeEvent: 'POST /ops/events/:id/replay',
  releaseByHand: { none: 'by the API alone, for support tools; the page of it is a forced decision' },
  retryFailedRefund: { none: 'by the API alone; the alert on Today says so' },
  payFailedRefundByBank: { none: 'by the API alone; the alert on Today says so' },
  createWebhookEndpoint: 'POST /webhook-endpoints',
  updateWebhookEndpoint: 'POST /webhook-endpoints/:id',
  deleteWebhookEndpoint: 'POST /webhook-endpoints/:id/delete',
  rotateWebhookSecret: 'POST /webhook-endpoints/:id/rotate',
  replayWebhookDelivery: 'POST /webhook-endpoints/:id/deliveries/:delivery/replay',
  createApiKey: 'POST /api-keys',
  revokeApiKey: 'POST /api-keys/:id/revoke',
  startReconciliation: 'POST /ops/reconciliations',
  repairDifference: 'POST /ops/reconciliations/:id/differences/:n/repair',
};

/** What a page may send: every route of ours that is not the API's and does more than show. */
export const formRoutes = (): string[] => servedRoutes().filter((route) => !route.startsWith('GET ') && !/ \/v1\//.test(route)); // prettier-ignore

/** Paths that a browser of this suite sent a form to and that were taken: with scripts, and without. */
const taken = { true: new Set<string>(), false: new Set<string>() };

/** Notes what this page's forms send; a refusal does not count. */
export function noteClicks(page: Page, scripts: boolean): void {
  page.on('response', (response) => {
    const sent = response.request();
    if (sent.method() !== 'GET' && response.status() < 400) taken[`${scripts}`].add(`${sent.method()} ${new URL(sent.url()).pathname}`); // prettier-ignore
  });
}

/** What the suite is to click and did not, in either way. */
export function unclicked(suite: ClickingSuite): string[] {
  const own = Object.keys(CLICKED_IN).filter((route) => CLICKED_IN[route] === suite);
  return ([true, false] as const).flatMap((scripts) => {
    const clicked = new Set([...taken[`${scripts}`]].map(routeOf));
    return own.filter((route) => !clicked.has(route)).map((route) => `${route}, with scripts: ${scripts}`);
  });
}

/** The route that takes a path: of several the one with the fewest parameters, as they are registered. */
export function routeOf(sent: string): string | undefined {
  const parameters = (route: string) => route.split('/:').length;
  return Object.keys(CLICKED_IN)
    .filter((route) => new RegExp(`^${route.replaceAll(/:\w+/g, '[^/]+')}$`).test(sent))
    .sort((a, b) => parameters(a) - parameters(b))[0];
}
