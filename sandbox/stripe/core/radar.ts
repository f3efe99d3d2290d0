// Radar: reviews of risky payments and the issuers' early-fraud warnings.
import { invalid } from './errors.ts';
import { page } from './lists.ts';
import { CREATED, LIST, NONE, str } from './params.ts';
import type { Charge, Plain } from './records.ts';
import { get, post } from './route.ts';
import type { Route } from './route.ts';
import type { World } from './world.ts';

export function openReview(world: World, charge: Charge): Plain {
  const review = world.store.put('review', {
    id: world.id('prv'),
    object: 'review',
    _account: world.account,
    billing_zip: null,
    charge: charge.id,
    closed_reason: null,
    created: world.now,
    ip_address: null,
    ip_address_location: null,
    livemode: false,
    open: true,
    opened_reason: 'rule',
    payment_intent: charge.payment_intent,
    reason: 'rule',
    session: null,
  });
  world.store.patch('charge', charge.id, { review: review.id });
  if (charge.payment_intent) world.store.patch('payment_intent', charge.payment_intent, { review: review.id });
  world.emit('review.opened', review);
  return review;
}

export function closeReview(world: World, id: string, reason: string): Plain {
  const closed = world.store.patch('review', id, { open: false, closed_reason: reason, reason });
  world.emit('review.closed', closed);
  return closed;
}

/** A refund or a dispute of the charge ends its review. */
export function closeReviewsOf(world: World, charge: string, reason: string): void {
  for (const review of world.store.by('review', 'charge', charge)) {
    if (review.open === true) closeReview(world, review.id, reason);
  }
}

export function openFraudWarning(world: World, charge: Charge): Plain {
  const warning = world.store.put('early_fraud_warning', {
    id: world.id('issfr'),
    object: 'radar.early_fraud_warning',
    _account: world.account,
    actionable: true,
    charge: charge.id,
    created: world.now,
    fraud_type: 'misc',
    livemode: false,
    payment_intent: charge.payment_intent,
  });
  world.emit('radar.early_fraud_warning.created', warning);
  return warning;
}

/** Once refunded or disputed there is nothing left to do about a warning. */
export function warningsHandled(world: World, charge: string): void {
  for (const warning of world.store.by('early_fraud_warning', 'charge', charge)) {
    if (warning.actionable !== true) continue;
    const after = world.store.patch('early_fraud_warning', warning.id, { actionable: false });
    world.emit('radar.early_fraud_warning.updated', after, { actionable: true });
  }
}

export const radarRoutes: Route[] = [
  get('/v1/reviews', { ...LIST, ...CREATED }, ({ world, params }) =>
    page(world, { table: 'review', url: '/v1/reviews', params, keep: (row) => row.open === true }),
  ),
  get('/v1/reviews/:id', NONE, ({ world, path }) => world.find('review', path('id'), 'review')),
  post('/v1/reviews/:id/approve', NONE, ({ world, path }) => {
    const review = world.find('review', path('id'), 'review');
    if (review.open !== true) throw invalid(`Review ${review.id} is already closed.`);
    return closeReview(world, review.id, 'approved');
  }),
  get(
    '/v1/radar/early_fraud_warnings',
    { ...LIST, ...CREATED, charge: str(), payment_intent: str() },
    ({ world, params }) =>
      page(world, {
        table: 'early_fraud_warning',
        url: '/v1/radar/early_fraud_warnings',
        params,
        where: { charge: params.charge, payment_intent: params.payment_intent },
      }),
  ),
  get('/v1/radar/early_fraud_warnings/:id', NONE, ({ world, path }) =>
    world.find('early_fraud_warning', path('id'), 'radar.early_fraud_warning'),
  ),
];
