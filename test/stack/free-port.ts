// Ports that nobody listens on now, for servers that cannot choose one themselves.
import { freePorts } from '../../sandbox/ports.ts';

export { freePorts };

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port!;
}
