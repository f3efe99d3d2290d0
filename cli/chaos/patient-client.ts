// The public API as a person calls it who does not give up: every call whose outcome is unknown is repeated, a POST with
// its own Idempotency-Key, at another process of the API each time.
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, type Tranche } from '../../client/index.ts';

export interface Patience {
  /** Until when calls are repeated, as wall time. */
  until(): number;
  /** A call came back without an outcome and is made again. */
  repeated(): void;
}

const LONGEST_PAUSE_MS = 2000;
const CALL_TIMEOUT_MS = 15_000;

export function patientClient(baseUrls: readonly string[], apiKey: string, patience: Patience): Tranche {
  let turn = 0;
  const insisting: typeof fetch = async (address, init) => {
    const { pathname, search } = new URL(address as string);
    for (let attempt = 1; ; attempt += 1) {
      turn += 1;
      const url = `${baseUrls[turn % baseUrls.length]!}${pathname}${search}`;
      const late = (): boolean => Date.now() > patience.until();
      try {
        // Each try has its own time: the client's would end them all.
        const response = await fetch(url, { ...init, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
        // Read to its end here: an answer that breaks off is none.
        const text = await response.text();
        const { status, headers } = response;
        if (!isUnknown(status, text) || late()) return new Response(status === 204 ? null : text, { status, headers });
      } catch (error) {
        if (late()) throw error;
      }
      patience.repeated();
      await delay(Math.min(200 * attempt, LONGEST_PAUSE_MS));
    }
  };
  return createClient({ baseUrl: baseUrls[0]!, apiKey, fetch: insisting, maxRetries: 0, timeoutMs: 2 ** 31 - 1 });
}

/** An answer that says that the outcome is not known. */
const isUnknown = (status: number, text: string): boolean =>
  status >= 500 || (status === 409 && text.includes('"idempotency_running"'));
