// Live pages: one LISTEN per process hears which escrow changed, and tells the pages that show it. Nothing but *changed*
// is said: the page fetches its part again, with its own rights.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import type { Sql } from '../db/client.ts';

const CHANNEL = 'escrow_changed';
const CHECK_MS = 1_000;
/** Below the usual idle limit of proxies. */
const HEARTBEAT_MS = 20_000;

export interface LiveEscrows {
  /** Keeps the response open until the page leaves. Answers how to tell this page alone. */
  follow(escrowId: string, request: Request, response: Response): () => void;
}

export function liveEscrows({ sql, logger }: { sql: Sql; logger: Logger }): LiveEscrows {
  const followers = new Map<string, Set<Response>>();
  let listening = false;

  const tell = (responses: Iterable<Response>) => {
    for (const response of responses) response.write('event: changed\ndata: 1\n\n');
  };
  const everybody = () => [...followers.values()].flatMap((each) => [...each]);

  /** Only once somebody follows; postgres.js connects again by itself, and what was missed meanwhile is read again. */
  const listen = () => {
    if (listening) return;
    listening = true;
    sql
      .listen(
        CHANNEL,
        (escrowId) => tell(followers.get(escrowId) ?? []),
        () => tell(everybody()),
      )
      .catch((error: unknown) => {
        listening = false;
        logger.warn({ err: error }, 'pages are not live: LISTEN failed');
      });
  };

  return {
    follow(escrowId, request, response) {
      listen();
      response.writeHead(200, {
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no',
      });
      response.write('retry: 2000\n\n');
      const set = followers.get(escrowId) ?? new Set();
      followers.set(escrowId, set.add(response));
      // A server that stops waits for its open requests: streams must not be what it waits for.
      const { server } = request.socket as Socket & { server?: Server };
      let sinceHeartbeat = 0;
      const check = setInterval(() => {
        sinceHeartbeat += CHECK_MS;
        if (server?.listening === false) response.end();
        else if (sinceHeartbeat >= HEARTBEAT_MS) {
          sinceHeartbeat = 0;
          response.write(':\n\n');
        }
      }, CHECK_MS).unref();
      response.on('close', () => {
        clearInterval(check);
        set.delete(response);
        if (set.size === 0) followers.delete(escrowId);
      });
      return () => tell([response]);
    },
  };
}
