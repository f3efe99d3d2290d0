// Ports: says that one is taken before a server fails over it, with the setting that moves it; finds free ones.
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
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

/** Ports that nobody listens on now. All are held open until the last one is known, so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map((server) => {
      return new Promise<number>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
      });
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
