// The parts of `npm run bench` that could lie by themselves: percentiles, the load, signed bodies, the document.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { Stripe } from 'stripe';
import { replaceSection } from '../../bench/document.ts';
import { closedLoad, openLoad } from '../../bench/load.ts';
import { atLeast, atMost, below, percentile, ratio, rounded } from '../../bench/statistics.ts';
import { eventMaker } from '../../bench/webhook-events.ts';

test('a percentile is the smallest value that so many do not exceed', () => {
  const values = Array.from({ length: 1000 }, (_, i) => 1000 - i);
  expect([50, 99, 99.9, 100].map((p) => percentile(values, p))).toEqual([500, 990, 999, 1000]);
  expect(percentile([7], 99.9)).toBe(7);
  expect(percentile([], 50)).toBeNaN();
});

test('figures keep three digits, and a goal says whether it was met', () => {
  expect([rounded(1234.5), rounded(0.012345), ratio(1, 3)]).toEqual([1230, 0.0123, 0.333]);
  expect([atLeast('', 2, 2).met, below('', 20, 20).met, atMost('', 20, 20).met]).toEqual([true, false, true]);
});

describe('load', () => {
  const served = async (answer: (n: number) => number, use: (url: string) => Promise<void>) => {
    let n = 0;
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(answer(n++)).end('{}'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      await new Promise((resolve) => server.close(resolve).closeAllConnections());
    }
    return n;
  };
  const next = () => ({ method: 'POST' as const, path: '/', headers: {}, body: '{}' });

  test('counts what was answered with 200, and apart from it what was not', async () => {
    const came = await served(
      (n) => (n === 0 ? 500 : 200),
      async (url) => {
        const load = await closedLoad(url, 3, 0.3, next);
        expect(load.answered).toBe(load.latencies.length);
        expect(load.failed).toBe(1);
        expect(load.answered).toBeGreaterThan(0);
      },
    );
    expect(came).toBeGreaterThan(0);
  });

  test('an open load sends what its rate says, whatever the answers do', async () => {
    const came = await served(
      () => 200,
      async (url) => {
        const load = await openLoad(url, 200, 0.5, next);
        expect([load.answered, load.failed]).toEqual([100, 0]);
      },
    );
    expect(came).toBe(100);
  });

  test('where nobody listens every call fails, and the run ends', async () => {
    const load = await openLoad('http://127.0.0.1:1', 100, 0.1, next);
    expect([load.answered, load.failed]).toEqual([0, 10]);
  });
});

test('each webhook has an id of its own, an ordinary size, and a signature that Stripe’s library accepts', () => {
  const make = eventMaker('whsec_bench');
  const events = [make(), make()];
  expect(new Set(events.map((e) => e.id)).size).toBe(2);
  for (const { id, body, headers } of events) {
    expect(body.length).toBeGreaterThan(2000);
    const event = new Stripe('sk_test_x').webhooks.constructEvent(body, headers['stripe-signature']!, 'whsec_bench');
    expect([event.id, event.type]).toEqual([id, 'charge.succeeded']);
  }
});

test('a section of the document is replaced whole, and one that is missing is named', () => {
  const document = 'before\n<!-- bench:a -->\nold\n<!-- /bench:a -->\nafter';
  expect(replaceSection(document, 'a', 'new')).toBe('before\n<!-- bench:a -->\n\nnew\n\n<!-- /bench:a -->\nafter');
  expect(() => replaceSection(document, 'b', 'new')).toThrow('bench:b');
});
