// The typed client against an HTTP server that answers what it is told to: tries, keys, pauses, errors, addresses, pages.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { ApiError, type ClientOptions, createClient, NoAnswerError, OPERATIONS } from '../../client/index.ts';

interface Seen {
  call: string;
  headers: IncomingMessage['headers'];
  body: string;
}
type Reply = { status: number; body?: unknown; headers?: Record<string, string> } | 'cut' | 'half' | 'silence';

let url: string;
let seen: Seen[];
let replies: Reply[];

const server = createServer((request, response) => {
  let body = '';
  request.on('data', (part: Buffer) => (body += part.toString()));
  request.on('end', () => {
    seen.push({ call: `${request.method} ${request.url}`, headers: request.headers, body });
    answer(replies.shift() ?? { status: 500, body: 'no more replies' }, request, response);
  });
});

function answer(reply: Reply, request: IncomingMessage, response: ServerResponse): void {
  if (reply === 'silence') return;
  if (reply === 'cut') {
    request.socket.destroy();
  } else if (reply === 'half') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"id":', () => request.socket.destroy());
  } else {
    const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {});
    response.writeHead(reply.status, reply.headers).end(reply.status === 204 ? undefined : text);
  }
}

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
beforeEach(() => {
  seen = [];
  replies = [];
});

const client = (more: Partial<ClientOptions> = {}) =>
  createClient({ baseUrl: url, apiKey: 'sk_tranche_test', ...more });
const problem = (status: number, code: string, headers: Record<string, string> = {}): Reply => ({
  status,
  headers: { 'content-type': 'application/problem+json', ...headers },
  body: { type: '/docs/errors', title: 'T', status, code, detail: 'why', request_id: 'req_1', param: 'amount' },
});
const NOW = { 'retry-after': '0' };
const keys = () => seen.map(({ headers }) => headers['idempotency-key']);

async function failure<E extends Error>(kind: new (...of: never[]) => E, call: Promise<unknown>): Promise<E> {
  const error: unknown = await call.then(() => null, (reason: unknown) => reason); // prettier-ignore
  expect(error).toBeInstanceOf(kind);
  return error as E;
}

test('each operation of the document has its method', () => {
  const methods = client() as unknown as Record<string, unknown>;
  expect(Object.keys(OPERATIONS).filter((name) => typeof methods[name] !== 'function')).toEqual([]);
});

test('a command carries key, body and a fresh idempotency key', async () => {
  replies = [{ status: 200, body: { id: 'esc_1' } }, { status: 200 }];
  expect(await client().agreeToEscrow({ id: 'esc_1', body: { terms_hash: 'h' } })).toEqual({ id: 'esc_1' });
  await client().agreeToEscrow({ id: 'esc_1' });
  expect(seen[0]).toMatchObject({ call: 'POST /v1/escrows/esc_1/agree', body: '{"terms_hash":"h"}', headers: { authorization: 'Bearer sk_tranche_test', 'content-type': 'application/json' } }); // prettier-ignore
  expect(seen[1]!.body).toBe('{}');
  const [first, second] = keys();
  expect(first).toMatch(/^[0-9a-f-]{36}$/);
  expect(second).not.toBe(first);
});

test('reading carries no idempotency key, and only the query that is given', async () => {
  replies = [{ status: 200, body: { data: [], has_more: false } }];
  await client({ baseUrl: `${url}/` }).listEscrows({ status: 'active', limit: 5 });
  expect(seen[0]!.call).toBe('GET /v1/escrows?limit=5&status=active');
  expect(keys()).toEqual([undefined]);
});

test.each(['cut', 'half', problem(503, 'outcome_unknown', NOW), problem(429, 'rate_limited', NOW), problem(409, 'idempotency_running', NOW), problem(502, 'payments_unavailable', NOW)] as Reply[])(
  'after %j the command is asked again with its key',
  async (reply) => {
    replies = [reply, { status: 200, body: { id: 'esc_1' } }];
    expect(await client().cancelEscrow({ id: 'esc_1' }, { idempotencyKey: 'mine' })).toEqual({ id: 'esc_1' });
    expect(keys()).toEqual(['mine', 'mine']);
  },
); // prettier-ignore

test.each([problem(400, 'invalid_request'), problem(402, 'payment_declined'), problem(409, 'action_not_available'), problem(429, 'fund_cancel_limit'), problem(500, 'internal_error'), problem(502, 'command_failed')])(
  'after %j it is not asked again',
  async (reply) => {
    replies = [reply];
    const error = await failure(ApiError, client().cancelEscrow({ id: 'esc_1' }, { idempotencyKey: 'mine' }));
    const { status, body } = reply as { status: number; body: { code: string } };
    expect(error).toMatchObject({ status, code: body.code, param: 'amount', requestId: 'req_1', idempotencyKey: 'mine' });
    expect(error.message).toBe(`POST /v1/escrows/esc_1/cancel: ${status} ${body.code}: why`);
    expect(seen).toHaveLength(1);
  },
); // prettier-ignore

test('Retry-After is waited for; one that is too long is the caller’s', async () => {
  replies = [problem(429, 'rate_limited', { 'retry-after': '1' }), { status: 200, body: { id: 'esc_1' } }];
  const began = performance.now();
  await client().getEscrow({ id: 'esc_1' });
  expect(performance.now() - began).toBeGreaterThanOrEqual(990);

  const date = new Date(Date.now() + 3_600_000).toUTCString();
  replies = [problem(503, 'outcome_unknown', { 'retry-after': date })];
  const error = await failure(ApiError, client().getEscrow({ id: 'esc_1' }));
  expect(error.retryAfterMs).toBeGreaterThan(3_000_000);
  expect(seen).toHaveLength(3);
});

test('it gives up after so many repetitions, with the key that a later one carries', async () => {
  replies = ['cut', 'cut'];
  const lost = await failure(NoAnswerError, client({ maxRetries: 1 }).cancelEscrow({ id: 'esc_1' }));
  expect(seen).toHaveLength(2);
  expect(keys()).toEqual([lost.idempotencyKey, lost.idempotencyKey]);

  replies = ['silence'];
  await failure(NoAnswerError, client({ maxRetries: 0, timeoutMs: 50 }).getEscrow({ id: 'esc_1' }));
});

test('the caller ends it, in a try or in a pause', async () => {
  const stop = new AbortController();
  replies = [problem(503, 'outcome_unknown', { 'retry-after': '50' })];
  const call = client({ fetch: async (...of) => fetch(...of).finally(() => setTimeout(() => stop.abort(new Error('enough')), 20)) }).getEscrow({ id: 'esc_1' }, { signal: stop.signal }); // prettier-ignore
  await expect(call).rejects.toThrow('enough');
  await expect(client().getEscrow({ id: 'esc_1' }, { signal: stop.signal })).rejects.toThrow('enough');
  expect(seen).toHaveLength(1);
});

test('what is no problem document is an error of its own, and a redirect is not followed', async () => {
  replies = [{ status: 404, body: '<html>nginx</html>' }];
  const error = await failure(ApiError, client().getEscrow({ id: 'esc_1' }));
  expect(error).toMatchObject({ status: 404, code: 'unknown', problem: { detail: '<html>nginx</html>' } });
  replies = [{ status: 302, headers: { location: `${url}/elsewhere` } }];
  await failure(NoAnswerError, client({ maxRetries: 0 }).getEscrow({ id: 'esc_1' }));
  expect(seen.map(({ call }) => call)).not.toContain('GET /elsewhere');
});

test('an id stays one segment of the path, and a missing one calls nothing', async () => {
  replies = [{ status: 200 }];
  await client().getEscrow({ id: '../api_keys?x=/' });
  expect(seen[0]!.call).toBe('GET /v1/escrows/..%2Fapi_keys%3Fx%3D%2F');
  await expect(client().getEscrow({ id: '..' })).rejects.toThrow('/v1/escrows/{id} needs id');
  await expect(client().getEscrow({} as { id: string })).rejects.toThrow('/v1/escrows/{id} needs id');
  expect(seen).toHaveLength(1);
});

test('a list goes on page after page, as far as it is read', async () => {
  const page = (ids: string[], more: boolean): Reply => ({ status: 200, body: { data: ids.map((id) => ({ id })), has_more: more } }); // prettier-ignore
  replies = [page(['a', 'b'], true), page(['c'], false)];
  const found: string[] = [];
  for await (const { id } of client().each('listEscrows', { role: 'buyer', limit: 2 })) found.push(id);
  expect(found).toEqual(['a', 'b', 'c']);
  expect(seen.map(({ call }) => call)).toEqual(['GET /v1/escrows?limit=2&role=buyer', 'GET /v1/escrows?starting_after=b&limit=2&role=buyer']); // prettier-ignore

  seen = [];
  replies = [{ status: 200, body: { data: [{ n: 1 }, { n: 2 }], has_more: true } }, page([], false)];
  for await (const { n } of client().each('listDifferences', { id: 'rec_1' })) found.push(String(n));
  expect(seen[1]!.call).toBe('GET /v1/ops/reconciliations/rec_1/differences?starting_after=2&limit=100');

  seen = [];
  replies = [page(['a', 'b'], true)];
  for await (const one of client().each('listFiles')) if (one.id === 'a') break;
  expect(seen).toHaveLength(1);
});

test('files go up as forms and come down as they are; what is deleted answers nothing', async () => {
  replies = [{ status: 201, body: { id: 'file_1' } }, { status: 200, body: 'text\n' }, { status: 204 }];
  const file = new File(['text\n'], 'a.txt', { type: 'text/plain' });
  await client().uploadFile({ body: { escrow_id: 'esc_1', file } });
  expect(seen[0]!.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
  expect(seen[0]!.body).toMatch(/name="escrow_id"\r\n\r\nesc_1\r\n[^]*filename="a.txt"\r\n[^]*text\n/);
  expect(await (await client().downloadFile({ id: 'file_1' })).text()).toBe('text\n');
  expect(await client().revokeApiKey({ id: 'key_1' })).toBeUndefined();
});
