// Whether a delivered event is for this installation at all: its mode and its API version, as it was signed.
import type { WebhookEvent } from './port.ts';

export interface Installation {
  live: boolean;
  /** Of the `stripe` package, such as 2026-10-28.endive. */
  apiVersion: string;
}

export interface Misdirected {
  kind: 'mode' | 'api_version';
  reason: string;
}

/**
 * Why an event must not be run here; null where it may. Versions of one release (the word after the dot) differ by additions
 * only, as Stripe promises; an event without a version is a thin one, which carries no object.
 */
export function misdirected(
  event: Pick<WebhookEvent, 'livemode' | 'apiVersion'>,
  here: Installation,
): Misdirected | null {
  if (event.livemode !== here.live) {
    return { kind: 'mode', reason: `livemode is ${event.livemode}, this installation is ${here.live ? 'live' : 'not live'}` }; // prettier-ignore
  }
  if (event.apiVersion === null || releaseOf(event.apiVersion) === releaseOf(here.apiVersion)) return null;
  return {
    kind: 'api_version',
    reason: `made in API version ${event.apiVersion}, this installation understands ${here.apiVersion}: set the endpoint's version at Stripe, then replay`,
  };
}

const releaseOf = (version: string): string => version.split('.')[1] ?? version;
