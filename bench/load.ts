// Load over HTTP on connections that stay open: closed (each client waits for its answer) and open (at a given rate,
// whatever the answers do, timed from the moment that the schedule names, so that a stall counts for all who wait in it).
import { setTimeout as delay } from 'node:timers/promises';
import { type Dispatcher, Pool } from 'undici';

export interface Call {
  method: 'GET' | 'POST';
  path: string;
  headers: Record<string, string>;
  body?: string;
}

export interface Load {
  answered: number;
  /** Answers that were not 200, and calls without one. */
  failed: number;
  perSecond: number;
  /** Milliseconds, of the answers with 200. */
  latencies: number[];
}

/** Connections that stay open: undici's, whose calls cost this machine less than half of what those of `node:http` do. */
export const connections = (url: string, count: number): Dispatcher =>
  new Pool(url, { connections: count, pipelining: 1 });

/** Answers the status, once the whole answer is read. @throws Error when there is no answer */
export function call(to: Dispatcher, { method, path, headers, body }: Call): Promise<number> {
  return new Promise((resolve, reject) => {
    let status = 0;
    to.dispatch(
      { method, path, headers, body: body ?? null },
      {
        onConnect: () => {},
        onHeaders: (statusCode) => {
          status = statusCode;
          return true;
        },
        onData: () => true,
        onComplete: () => resolve(status),
        onError: reject,
      },
    );
  });
}

class Measured {
  readonly latencies: number[] = [];
  failed = 0;

  async of(since: number, answer: Promise<number>): Promise<void> {
    const status = await answer.catch(() => 0);
    if (status === 200) this.latencies.push(performance.now() - since);
    else this.failed += 1;
  }

  load(seconds: number): Load {
    const { latencies, failed } = this;
    return { answered: latencies.length, failed, perSecond: latencies.length / seconds, latencies };
  }
}

/** So many clients, each with its next call after its last one's answer. */
export async function closedLoad(url: string, clients: number, seconds: number, next: () => Call): Promise<Load> {
  const open = connections(url, clients);
  const measured = new Measured();
  const began = performance.now();
  const until = began + seconds * 1000;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      for (let now = began; now < until; now = performance.now()) await measured.of(now, call(open, next()));
    }),
  );
  const took = (performance.now() - began) / 1000;
  await open.destroy();
  return measured.load(took);
}

/** So many calls a second, evenly. */
export async function openLoad(url: string, perSecond: number, seconds: number, next: () => Call): Promise<Load> {
  const to = connections(url, 256);
  const measured = new Measured();
  const began = performance.now();
  const total = Math.round(perSecond * seconds);
  const open: Promise<void>[] = [];
  for (let sent = 0; sent < total;) {
    const now = performance.now();
    for (; sent < total && began + (sent * 1000) / perSecond <= now; sent++) {
      open.push(measured.of(began + (sent * 1000) / perSecond, call(to, next())));
    }
    await delay(1);
  }
  await Promise.all(open);
  const took = (performance.now() - began) / 1000;
  await to.destroy();
  return measured.load(took);
}
