// A webhook endpoint for the oracles: it verifies each delivery's signature with the `stripe` package and keeps the event.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Stripe } from 'stripe';

import type { JsonRecord } from './record.ts';

export const WEBHOOK_SECRET = 'whsec_oracles';

export type Receiver = {
  url: string;
  events: JsonRecord[];
  /** Deliveries whose signature did not verify. */
  forged: string[];
  /** Resolves true when an event that fits has come, false when `ms` passed without one. */
  arrival(fits: (event: JsonRecord) => boolean, ms?: number): Promise<boolean>;
  close(): Promise<void>;
};

export async function startReceiver(): Promise<Receiver> {
  const { signature } = new Stripe('sk_test_123456789012').webhooks;
  if (signature === null) throw new Error('the stripe package verifies no signatures here');
  const events: JsonRecord[] = [];
  const forged: string[] = [];
  let waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks);
      try {
        signature.verifyHeader(raw, String(request.headers['stripe-signature']), WEBHOOK_SECRET, 300);
        events.push(JSON.parse(raw.toString('utf8')) as JsonRecord);
      } catch (error) {
        forged.push(String(error));
      }
      response.writeHead(200);
      response.end();
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    events,
    forged,
    async arrival(fits, ms = 5_000) {
      const deadline = AbortSignal.timeout(ms);
      deadline.addEventListener('abort', () => {
        for (const wake of waiting) wake();
      });
      while (!deadline.aborted && !events.some(fits)) {
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      return events.some(fits);
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
