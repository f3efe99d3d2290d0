// Lists and details while the database grows: their p99 must not.
import { createClient } from '../client/index.ts';
import { copyOf, fill } from './fill.ts';
import { type Call, closedLoad } from './load.ts';
import type { Bench } from './context.ts';
import type { Section } from './section.ts';
import { below, percentile, ratio, rounded } from './statistics.ts';

const CLIENTS = 4;
/** A p99 that grows less than this over a hundredfold of rows is flat: an index has a level more. */
const FLAT = 2;

export async function pages(bench: Bench): Promise<Section> {
  const { stack, people, say } = bench;
  const sizes = bench.quick ? [1000, 10_000] : [1000, 10_000, 100_000];
  const seconds = bench.quick ? 1 : 3;
  const worker = await bench.startWorker();
  const escrowId = await activeEscrow(bench);
  await worker.stop();
  const url = stack.apiUrls[0]!;
  const [buyer, ops] = [await cookieOf(bench, 'buyer'), await cookieOf(bench, 'ops')];
  const key = { authorization: `Bearer ${people['buyer']!.api_key}` };

  let size = 0;
  const random = () => copyOf(escrowId, 1 + Math.floor(Math.random() * size));
  const get = (headers: Record<string, string>, path: () => string) => (): Call => ({ method: 'GET', path: path(), headers }); // prettier-ignore
  const reads: [name: string, next: () => Call][] = [
    ['list page, buyer', get({ cookie: buyer }, () => '/escrows')],
    ['list page, ops', get({ cookie: ops }, () => '/escrows')],
    ['escrow page, buyer', get({ cookie: buyer }, () => `/escrows/${random()}`)],
    ['money page, buyer', get({ cookie: buyer }, () => `/escrows/${random()}/money`)],
    ['`GET /v1/escrows`', get(key, () => '/v1/escrows?limit=20')],
    ['`GET /v1/escrows/{id}`', get(key, () => `/v1/escrows/${random()}`)],
  ];
  const p50: number[][] = reads.map(() => []);
  const p99: number[][] = reads.map(() => []);
  let failed = 0;
  for (const wanted of sizes) {
    const began = Date.now();
    await fill(bench, escrowId, size + 1, wanted);
    size = wanted;
    say(`${wanted} escrows after ${((Date.now() - began) / 1000).toFixed(1)} s`);
    for (const [i, [, next]] of reads.entries()) {
      await closedLoad(url, CLIENTS, seconds / 3, next);
      const load = await closedLoad(url, CLIENTS, seconds, next);
      failed += load.failed;
      p50[i]!.push(rounded(percentile(load.latencies, 50)));
      p99[i]!.push(rounded(percentile(load.latencies, 99)));
    }
  }
  const growth = Math.max(...p99.map((of) => ratio(of.at(-1)!, of[0]!)));
  return {
    name: 'pages',
    title: 'Lists and details',
    ok: failed === 0,
    says: [
      `One API process, ${CLIENTS} clients, the database filled by SQL with copies of a funded escrow, ledger and timeline included, all of`,
      'them of one buyer. Milliseconds, p50 / p99, at each number of escrows.',
    ],
    table: {
      header: ['', ...sizes.map((n) => n.toLocaleString('en'))],
      rows: reads.map(([name], i) => [name, ...sizes.map((_, j) => `${p50[i]![j]} / ${p99[i]![j]}`)]),
    },
    goals: {
      pages_p99_growth: below(`p99 at ${sizes.at(-1)!.toLocaleString('en')} < ${FLAT} × p99 at ${sizes[0]!.toLocaleString('en')}`, growth, FLAT), // prettier-ignore
    },
    figures: { pages_failed: failed, pages_p99_ms: Math.max(...p99.map((of) => of.at(-1)!)) },
  };
}

/** Funded, nothing delivered yet. */
export async function activeEscrow({ stack, people }: Bench): Promise<string> {
  const buyer = createClient({ baseUrl: stack.apiUrls[0]!, apiKey: people['buyer']!.api_key });
  const seller = createClient({ baseUrl: stack.apiUrls[0]!, apiKey: people['seller']!.api_key });
  const milestones = [{ title: 'The work', amount: 10_000, seller_id: people['seller']!.id }];
  const { id } = await buyer.proposeEscrow({
    body: { title: 'A website', currency: 'usd', funding: 'upfront', milestones },
  });
  await seller.agreeToEscrow({ id });
  await buyer.fundEscrow({ id, body: { payment_method: 'pm_card_visa' } });
  return id;
}

async function cookieOf({ stack, people }: Bench, name: 'buyer' | 'ops'): Promise<string> {
  const { email, password } = people[name]!;
  const { origin } = new URL(stack.settings.publicUrl);
  const answer = await fetch(`${stack.settings.publicUrl}/sign-in`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ email, password }),
  });
  const cookie = answer.headers.getSetCookie().map((c) => c.split(';')[0]).join('; '); // prettier-ignore
  if (answer.status >= 400 || cookie === '') throw new Error(`${name} cannot sign in: ${answer.status}`);
  return cookie;
}
