// Load over HTTP on connections that stay open: closed (each client waits for its answer) and open (at a given rate,
// whatever the answers do, timed from the moment that the schedule names, so that a stall counts for all who wait in it).
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

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

/** @throws Error when there is no answer */
export function call(url: string, agent: Agent, { method, path, headers, body }: Call): Promise<number> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const request = httpRequest(`${url}${path}`, { method, agent, headers: { ...headers, ...length } }, (response) => {
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', reject);
      response.resume();
    });
    request.once('error', reject);
    request.end(body);
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
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const measured = new Measured();
  const began = performance.now();
  const until = began + seconds * 1000;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      for (let now = began; now < until; now = performance.now()) await measured.of(now, call(url, agent, next()));
    }),
  );
  const took = (performance.now() - began) / 1000;
  agent.destroy();
  return measured.load(took);
}

/** So many calls a second, evenly. */
export async function openLoad(url: string, perSecond: number, seconds: number, next: () => Call): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const measured = new Measured();
  const began = performance.now();
  const total = Math.round(perSecond * seconds);
  const open: Promise<void>[] = [];
  for (let sent = 0; sent < total;) {
    const now = performance.now();
    for (; sent < total && began + (sent * 1000) / perSecond <= now; sent++) {
      open.push(measured.of(began + (sent * 1000) / perSecond, call(url, agent, next())));
    }
    await delay(1);
  }
  await Promise.all(open);
  const took = (performance.now() - began) / 1000;
  agent.destroy();
  return measured.load(took);
}
