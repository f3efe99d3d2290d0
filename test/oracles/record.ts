// The recording proxy: it stands between any client and the sandbox, keeps every exchange that passes, and can change
// answers on their way (the oracles' mutations are such changes).
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type JsonRecord = { [key: string]: JsonValue };

export type Exchange = {
  method: string;
  /** Without the query. */
  path: string;
  query: string;
  requestHeaders: Record<string, string>;
  requestBody: string;
  status: number;
  headers: Record<string, string>;
  /** The parsed JSON; null when the answer was none. */
  body: JsonValue;
};

/** Changes an answer before the client sees it; what it returns is what is sent and recorded. */
export type Mutate = (exchange: Exchange) => Exchange;

export type Recorder = {
  url: string;
  port: number;
  exchanges: Exchange[];
  close(): Promise<void>;
};

export function flatten(headers: IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

async function whole(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return null;
  }
}

export function isRecord(value: JsonValue | undefined): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export async function startRecorder(target: string, mutate?: Mutate): Promise<Recorder> {
  const { hostname, port: targetPort } = new URL(target);
  const exchanges: Exchange[] = [];
  const server = createServer((request, response) => {
    const pass = async (): Promise<void> => {
      const sent = await whole(request);
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const onward = httpRequest(
          { hostname, port: targetPort, method: request.method, path: request.url, headers: request.headers },
          resolve,
        );
        onward.once('error', reject);
        onward.end(sent);
      });
      const received = await whole(answer);
      const url = new URL(request.url ?? '/', target);
      const text = received.toString('utf8');
      let exchange: Exchange = {
        method: request.method ?? 'GET',
        path: url.pathname,
        query: url.search.slice(1),
        requestHeaders: flatten(request.headers),
        requestBody: sent.toString('utf8'),
        status: answer.statusCode ?? 0,
        headers: flatten(answer.headers),
        body: parse(text),
      };
      let payload = received;
      if (mutate) {
        exchange = mutate(exchange);
        if (exchange.body !== null) payload = Buffer.from(JSON.stringify(exchange.body));
      }
      exchanges.push(exchange);
      const { 'content-length': _length, 'transfer-encoding': _coding, connection: _kept, ...kept } = exchange.headers;
      // What passes here was answered, and kept by tap.js, behind it already.
      response.setHeader('x-oracle-proxy', '1');
      response.writeHead(exchange.status, { ...kept, 'content-length': payload.length });
      response.end(payload);
    };
    // What closes the sandbox's connection closes the client's: a dropped answer stays a dropped answer.
    pass().catch(() => request.socket.destroy());
  });
  server.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    exchanges,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
