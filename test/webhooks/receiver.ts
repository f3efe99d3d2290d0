// A receiver as an integrator would write it: the `standardwebhooks` package and nothing of Tranche.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface Received {
  id: string;
  event: { id: string; type: string; timestamp: string; data: Record<string, unknown> };
  headers: Record<string, string>;
}

export interface Receiver {
  url: string;
  /** What was verified and taken, in the order in which it came; a repetition of an id stands here too. */
  taken: Received[];
  /** Tries that were answered with anything but 2xx. */
  refused: number;
  /** Instead of taking: answers with this status and header. */
  answerWith: { status: number; headers?: Record<string, string>; body?: string } | null;
  secret: string;
  /** Stops listening; the port stays its own. */
  lose(): Promise<void>;
  find(): Promise<void>;
  until(holds: (taken: Received[]) => boolean, what: string): Promise<void>;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  let server: Server | null = null;
  let port = 0;
  const listen = () =>
    new Promise<void>((resolve) => {
      server = createServer((request, response) => {
        const parts: Buffer[] = [];
        request.on('data', (part: Buffer) => parts.push(part));
        request.on('end', () => {
          if (receiver.answerWith !== null) {
            receiver.refused += 1;
            response.writeHead(receiver.answerWith.status, receiver.answerWith.headers).end(receiver.answerWith.body);
            return;
          }
          const headers = request.headers as Record<string, string>;
          try {
            const event = new Webhook(receiver.secret).verify(Buffer.concat(parts), headers) as Received['event'];
            receiver.taken.push({ id: headers['webhook-id']!, event, headers });
            response.writeHead(204).end();
          } catch {
            receiver.refused += 1;
            response.writeHead(400).end('not verified');
          }
        });
      }).listen(port, '127.0.0.1', () => {
        ({ port } = server!.address() as AddressInfo);
        resolve();
      });
    });
  const receiver: Receiver = {
    url: '',
    taken: [],
    refused: 0,
    answerWith: null,
    secret: '',
    lose: () =>
      new Promise((resolve) => {
        server!.close(() => resolve());
        server!.closeAllConnections();
      }),
    find: () => listen(),
    until: async (holds, what) => {
      const end = Date.now() + 120_000;
      while (!holds(receiver.taken)) {
        if (Date.now() > end) throw new Error(`the receiver waited in vain for ${what}: ${receiver.taken.map((t) => t.event.type).join(', ')}, ${receiver.refused} refused`); // prettier-ignore
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    close: () => (server!.listening ? receiver.lose() : Promise.resolve()),
  };
  await listen();
  receiver.url = `http://127.0.0.1:${port}/hooks`;
  return receiver;
}
