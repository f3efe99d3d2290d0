// A network between the product and PostgreSQL that can fall silent: what is connected then stays connected, and nothing is
// ever heard on it again, as where a firewall forgets a connection or a machine loses its power.
import { createServer, connect, type Socket } from 'node:net';

export interface HangingProxy {
  /** The database's address, through the proxy. */
  url: string;
  /**
   * After so many more pieces from the clients every connection falls silent for good, and new ones get no answer either, until
   * `heal`. Resolves when that has happened: the piece that was one too many is the first that nobody hears.
   */
  hangAfter(pieces: number): Promise<void>;
  heal(): void;
  /** Ends what is silent on the database's side, as its keepalives do after a minute. */
  expire(): void;
  /** How many were made so far. */
  connections(): number;
  stop(): Promise<void>;
}

interface Pair {
  client: Socket;
  server: Socket;
  silent: boolean;
}

export async function startHangingProxy(databaseUrl: string): Promise<HangingProxy> {
  const to = new URL(databaseUrl);
  const pairs = new Set<Pair>();
  let hanging = false;
  let left = Infinity;
  let hung = () => {};
  const listener = createServer((client) => {
    const server = connect(Number(to.port), to.hostname);
    const pair: Pair = { client, server, silent: hanging };
    pairs.add(pair);
    client.on('data', (bytes) => {
      left -= 1;
      if (left < 0) {
        hanging = true;
        left = Infinity;
        for (const each of pairs) each.silent = true;
        hung();
      }
      if (!pair.silent) server.write(bytes);
    });
    server.on('data', (bytes) => pair.silent || client.write(bytes));
    // Neither side hears of the other's end where the network is silent.
    for (const [one, other] of [[client, server], [server, client]] as const) {
      one.on('error', () => {});
      one.on('close', () => pair.silent || other.destroy());
    }
  }); // prettier-ignore
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    url: Object.assign(new URL(databaseUrl), { hostname: '127.0.0.1', port: String(address.port) }).href,
    hangAfter: (pieces) => {
      left = pieces;
      return new Promise((resolve) => (hung = resolve));
    },
    connections: () => pairs.size,
    heal() {
      hanging = false;
    },
    expire() {
      for (const { server, silent } of pairs) if (silent) server.destroy();
    },
    stop: () => {
      for (const { client, server } of pairs) for (const end of [client, server]) end.destroy();
      return new Promise((resolve) => listener.close(() => resolve()));
    },
  };
}
