// What an owner does with webhook endpoints, for the API and for the pages.
import {
  countEndpoints,
  createEndpoint,
  type EndpointFields,
  findDelivery,
  findEndpoint,
  newSecret,
  replayDelivery,
  rotateSecret,
  type WebhookEndpoint,
} from '../db/webhooks.ts';
import type { Viewer } from '../db/escrows.ts';
import { faultOfUrl } from '../webhooks/public-address.ts';
import type { AppContext } from './context.ts';
import { notFound } from './escrow-commands.ts';
import { Problem } from './problem.ts';

type Context = Pick<AppContext, 'sql' | 'settings'>;

const MOST_ENDPOINTS = 20;

/** @throws Problem invalid_request */
export function checkedUrl({ settings }: Pick<AppContext, 'settings'>, url: string): string {
  const { loopback } = settings.webhooks;
  const fault = faultOfUrl(url, { loopback, httpsOnly: settings.mode !== 'sandbox' });
  if (fault !== null) throw new Problem('invalid_request', `url: ${fault}`, { param: 'url' });
  return url;
}

export interface WithSecret {
  endpoint: WebhookEndpoint;
  /** To be shown once. */
  secret: string;
}

/** @throws Problem */
export async function addEndpoint(
  context: Context,
  viewer: Viewer,
  id: string,
  fields: EndpointFields,
): Promise<WithSecret> {
  checkedUrl(context, fields.url);
  const known = await findEndpoint(context.sql, viewer, id);
  if (known === null && (await countEndpoints(context.sql, viewer)) >= MOST_ENDPOINTS) {
    throw new Problem('limit_reached', `You have ${MOST_ENDPOINTS} endpoints: delete one first.`);
  }
  const secret = newSecret();
  return { endpoint: await createEndpoint(context.sql, viewer, { ...fields, id, secret }), secret };
}

/** @throws Problem not_found */
export async function rotate(
  context: Context,
  viewer: Viewer,
  id: string,
  { overlapMs, rotation }: { overlapMs: number; rotation: string },
): Promise<WithSecret> {
  const secret = newSecret();
  const endpoint = await rotateSecret(context.sql, viewer, id, { secret, overlapMs, rotation });
  if (endpoint === null) throw notFound('webhook endpoint');
  return { endpoint, secret };
}

/** @throws Problem not_found, or delivery_pending */
export async function replay(context: Context, viewer: Viewer, endpointId: string, deliveryId: string): Promise<void> {
  const endpoint = await findEndpoint(context.sql, viewer, endpointId);
  const delivery = endpoint === null ? null : await findDelivery(context.sql, endpointId, deliveryId);
  if (endpoint === null || delivery === null) throw notFound('delivery');
  if (endpoint.status === 'disabled') throw new Problem('endpoint_disabled');
  if (!(await replayDelivery(context.sql, deliveryId))) throw new Problem('delivery_pending');
}
