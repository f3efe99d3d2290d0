// Server-side request forgery: the URL of a webhook that makes us call what only we can reach: this machine, the platform's own
// network, a cloud's metadata service.
import type { lookup, LookupAddress, LookupAllOptions } from 'node:dns';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { faultOfUrl, isAllowedAddress } from '../../webhooks/public-address.ts';
import { send, type SendOptions } from '../../webhooks/send.ts';
import { newSecret } from '../../db/webhooks.ts';
import { startVictim, type Victim } from './victim.ts';

const PRIVATE = [
  '127.0.0.1', '127.9.9.9', '0.0.0.0', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254', '100.64.0.1',
  '198.18.0.1', '224.0.0.1', '255.255.255.255', '::1', '::', 'fc00::1', 'fd12::1', 'fe80::1', 'fe80::1%eth0', 'ff02::1', '::ffff:10.0.0.1',
  '::ffff:127.0.0.1', '::ffff:a9fe:a9fe', '::ffff:0:7f00:1', '::ffff:0:10.0.0.1', '64:ff9b::a00:1', '2002:a00:1::', '2001:db8::1', '::7f00:1',
  'not an address', '',
]; // prettier-ignore

describe('an address', () => {
  test.each(['8.8.8.8', '1.1.1.1', '93.184.215.14', '2606:4700:4700::1111', '::ffff:8.8.8.8'])('%s is public', (address) =>
    expect(isAllowedAddress(address, { loopback: false })).toBe(true),
  ); // prettier-ignore

  test.each(PRIVATE)('%j is private', (address) => expect(isAllowedAddress(address, { loopback: false })).toBe(false));

  test('of this machine may be reached with the sandbox’s setting, and nothing else that is private', () => {
    for (const address of ['127.0.0.1', '::1']) expect(isAllowedAddress(address, { loopback: true })).toBe(true);
    for (const address of ['10.0.0.1', '169.254.169.254', '::ffff:10.0.0.1', 'fe80::1', '::ffff:0:7f00:1']) {
      expect(isAllowedAddress(address, { loopback: true })).toBe(false);
    }
  });
});

const IS_PRIVATE = 'takes an address that is not private';
const NOT_A_URL = 'takes a URL such as https://example.com/webhooks';
const URLS: [string, string | null][] = [
  ['https://example.com/hooks', null],
  ['http://example.com/hooks', 'takes an https:// URL'],
  ['ftp://example.com/', 'takes an https:// URL'],
  ['file:///etc/passwd', 'takes an https:// URL'],
  ['gopher://127.0.0.1/', 'takes an https:// URL'],
  ['example.com', NOT_A_URL],
  ['https://example.com/a\r\nHost: 127.0.0.1', NOT_A_URL],
  [' https://example.com/', NOT_A_URL],
  ['https://user:pw@example.com/', 'takes a URL without a name and a password'],
  ['https://example.com@127.0.0.1/', 'takes a URL without a name and a password'],
  ['https://example.com/#x', 'takes a URL without a #fragment'],
  ['https://localhost/', IS_PRIVATE],
  ['https://LOCALHOST/', IS_PRIVATE],
  ['https://a.localhost./', IS_PRIVATE],
  ['https://127.0.0.1/', IS_PRIVATE],
  ['https://127.1/', IS_PRIVATE],
  ['https://2130706433/', IS_PRIVATE],
  ['https://0x7f.1/', IS_PRIVATE],
  ['https://0x7f000001/', IS_PRIVATE],
  ['https://017700000001/', IS_PRIVATE],
  ['https://①②⑦.0.0.1/', IS_PRIVATE],
  ['https://169.254.169.254/latest/meta-data/', IS_PRIVATE],
  ['https://10.0.0.1:8443/', IS_PRIVATE],
  ['https://[::1]/', IS_PRIVATE],
  ['https://[::ffff:127.0.0.1]/', IS_PRIVATE],
  ['https://[::ffff:169.254.169.254]/', IS_PRIVATE],
  ['https://[::ffff:0:127.0.0.1]/', IS_PRIVATE],
  ['https://[64:ff9b::7f00:1]/', IS_PRIVATE],
];

test.each(URLS)('the URL %j: %s', (url, fault) => expect(faultOfUrl(url, { loopback: false, httpsOnly: true })).toBe(fault)); // prettier-ignore

describe('an endpoint', () => {
  let victim: Victim;
  beforeAll(async () => {
    victim = await startVictim();
  }, 400_000);
  afterAll(() => victim?.stop());
  const refused = URLS.filter(([url, fault]) => fault !== null && !url.startsWith('http:'));

  test('is made and changed for no such URL, by API or page', async () => {
    const made = await victim.post('/v1/webhook_endpoints', { body: { url: 'https://example.com/' } });
    const path = `/v1/webhook_endpoints/${String(made.body['id'])}`;
    const browser = await victim.browserOf('buyer');
    for (const [url] of refused) {
      for (const target of ['/v1/webhook_endpoints', path]) {
        const reply = await victim.post(target, { body: { url } });
        expect([url, reply.status, reply.body['param']]).toEqual([url, 400, 'url']);
      }
      // A form's own spaces are trimmed, as in every field.
      if (url.trim() === url)
        expect([url, (await browser.give('/webhook-endpoints', { url })).status]).toEqual([url, 422]);
    }
    const rows = await victim.sql<{ url: string }[]>`SELECT url FROM webhook_endpoints`;
    expect(rows.map((row) => row.url)).toEqual(['https://example.com/']);
  });
});

describe('a connection', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve).closeAllConnections());
  });

  /** Counts whoever comes, and answers as is said. */
  async function listen(address: string, port = 0, answer: { status: number; location?: string } = { status: 204 }) {
    const seen = { requests: 0, port };
    const server = createServer((request, response) => {
      seen.requests += 1;
      request.resume();
      response.writeHead(answer.status, answer.location === undefined ? {} : { location: answer.location }).end();
    });
    servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, address, resolve);
    });
    seen.port = (server.address() as AddressInfo).port;
    return seen;
  }

  const secrets = [newSecret()];
  const call = (url: string, options: SendOptions) => send({ url, id: 'evt_1', body: '{}', secrets }, { timeoutMs: 60_000, ...options }); // prettier-ignore

  /** A resolver that answers each time as the list says, the last answer for ever. */
  function names(...answers: string[][]): { asked: string[]; resolve: typeof lookup } {
    const asked: string[] = [];
    const resolve = (
      name: string,
      _options: LookupAllOptions,
      callback: (error: null, found: LookupAddress[]) => void,
    ) => {
      const found = answers[Math.min(asked.length, answers.length - 1)]!;
      asked.push(name);
      callback(null, found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))); // prettier-ignore
    };
    return { asked, resolve: resolve as typeof lookup };
  }

  test.each(['127.0.0.1', '127.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]'])('to the address %s, however it came into the table, is not made', async (host) => {
    const inside = await listen('127.0.0.1');
    expect(await call(`http://${host}:${inside.port}/`, { loopback: false })).toMatchObject({ status: null, error: 'the address is private' });
    expect(inside.requests).toBe(0);
  }); // prettier-ignore

  test('to a name of this machine is not made: the system’s own resolver is asked', async () => {
    const inside = await listen('127.0.0.1');
    expect(await call(`http://localhost:${inside.port}/`, { loopback: false })).toMatchObject({ status: null, error: 'the name leads to a private address' }); // prettier-ignore
    expect(inside.requests).toBe(0);
  });

  test.each([[['127.0.0.1']], [['::1']], [['169.254.169.254']], [['8.8.8.8', '127.0.0.1']], [['::ffff:127.0.0.1']], [['::ffff:0:7f00:1']]])(
    'to a name that leads to %j is not made',
    async (addresses) => {
      const inside = await listen('127.0.0.1');
      const { resolve } = names(addresses);
      expect(await call(`http://hooks.example:${inside.port}/`, { loopback: false, resolve })).toMatchObject({ status: null, error: 'the name leads to a private address' });
      expect(inside.requests).toBe(0);
    },
  ); // prettier-ignore

  test('goes to the very address that was judged: a name that changes meanwhile gains nothing', async () => {
    // Two addresses of this machine stand for a public one and a private one.
    const judged = await listen('127.0.0.1');
    const rebound = await listen('127.0.0.2', judged.port);
    const { asked, resolve } = names(['127.0.0.1'], ['127.0.0.2']);
    expect((await call(`http://hooks.example:${judged.port}/`, { loopback: true, resolve })).status).toBe(204);
    expect([judged.requests, rebound.requests, asked]).toEqual([1, 0, ['hooks.example']]);
  });

  test('is judged anew each time: what was public yesterday may be private today', async () => {
    const first = await listen('127.0.0.1');
    const { resolve } = names(['127.0.0.1'], ['10.0.0.1']);
    const url = `http://hooks.example:${first.port}/`;
    expect((await call(url, { loopback: true, resolve })).status).toBe(204);
    expect((await call(url, { loopback: true, resolve })).error).toBe('the name leads to a private address');
    expect(first.requests).toBe(1);
  });

  test.each([301, 302, 303, 307, 308])('that is answered with %i goes nowhere else', async (status) => {
    const inside = await listen('127.0.0.1');
    const outside = await listen('127.0.0.1', 0, { status, location: `http://127.0.0.1:${inside.port}/` });
    expect(await call(`http://127.0.0.1:${outside.port}/`, { loopback: true })).toMatchObject({ status, error: `answered ${status}: redirects are not followed` }); // prettier-ignore
    expect([outside.requests, inside.requests]).toEqual([1, 0]);
  });
});
