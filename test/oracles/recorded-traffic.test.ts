// The recorder by which every other suite's sandbox traffic is validated: what it keeps, and that it names what is wrong.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { validateTraffic } from './recorded-traffic.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'tranche-traffic-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A process that answers three requests and ends: Stripe's, the product's own API, and a proxy's repetition. */
const SERVER = `
  import { createServer } from 'node:http';
  const server = createServer((request, response) => {
    if (request.url === '/v1/again') response.setHeader('x-oracle-proxy', '1');
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"object":"balance"}');
  });
  server.listen(0, '127.0.0.1', async () => {
    const base = 'http://127.0.0.1:' + server.address().port;
    const get = (path, key) => fetch(base + path, { headers: { authorization: 'Bearer ' + key } }).then((r) => r.text());
    await get('/v1/balance?limit=1', 'sk_test_1');
    await get('/v1/escrows', 'tranche_key');
    await get('/v1/again', 'sk_test_1');
    server.close();
  });
`;

test('the tap keeps what a client of Stripe was answered, and nothing else', async () => {
  const tap = new URL('tap.js', import.meta.url).href;
  const env = { ...process.env, NODE_OPTIONS: '', STRIPE_SANDBOX_RECORD: directory };
  await new Promise<void>((resolve, reject) => {
    execFile(
      process.execPath,
      ['--import', tap, '--input-type=module', '-e', SERVER],
      { env },
      (error, _out, stderr) => {
        if (error) reject(new Error(stderr));
        else resolve();
      },
    );
  });
  const kept = readdirSync(directory).map((name) => readFileSync(path.join(directory, name), 'utf8'));
  expect(kept.map((text) => JSON.parse(text) as unknown)).toEqual([
    { method: 'GET', path: '/v1/balance', status: 200, text: '{"object":"balance"}' },
  ]);
});

test('the kept answers are validated, alike ones once', async () => {
  const error = { error: { type: 'invalid_request_error', message: "No such charge: 'ch_1'" } };
  const line = (status: number, url: string, body: object): string =>
    JSON.stringify({ method: 'GET', path: url, status, text: JSON.stringify(body) });
  const refused = [1, 2, 3].map((n) => line(404, `/v1/charges/ch_${n}`, error));
  writeFileSync(path.join(directory, 'more.jsonl'), `${refused.join('\n')}\n`);
  const { problems, ...figures } = await validateTraffic(directory);
  expect(figures).toEqual({ responses: 4, distinct: 2 });
  // The balance above lacks nearly everything. Without Go (ALLOW_NO_GO=1) there is no spec to say so.
  const allowed = process.env['ALLOW_NO_GO'] === '1' && !process.env['CI'];
  expect(problems.some((problem) => problem.startsWith('GET /v1/balance 200'))).toBe(!allowed || problems.length > 0);
}, 400_000);
