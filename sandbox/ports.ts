// Ports: says that one is taken before a server fails over it, with the setting that moves it; finds free ones.
import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { StartProblem } from './problem.ts';

export async function checkPort(port: number, setting: string, host = '127.0.0.1'): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const problem =
        error.code === 'EADDRINUSE'
          ? `port ${port} is in use: stop what uses it, or set ${setting} to another one`
          : `port ${port} on ${host} cannot be used (${error.code ?? error.message}): set ${setting} or HOST`;
      reject(new StartProblem(problem));
    });
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

/**
 * Below those from which systems number outgoing connections (Linux from 32768, others from 49152): none of these takes a port
 * between the moment when it was found free and the moment when its server listens, or while its server starts again.
 */
const FIRST = 15_000;
const LAST = 32_000;
const TRIES = 1000;

/** Ports that nobody listens on now. All are held open until the last one is known, so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const held = new Map<number, Server>();
  try {
    for (let tries = 0; held.size < count; tries += 1) {
      if (tries === TRIES) throw new Error(`no free port between ${FIRST} and ${LAST} in ${TRIES} tries`);
      const port = randomInt(FIRST, LAST);
      const server = await hold(port);
      if (server !== null) held.set(port, server);
    }
    return [...held.keys()];
  } finally {
    await Promise.all([...held.values()].map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** Null: somebody has it. */
function hold(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
