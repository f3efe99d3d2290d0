// Postings to the ledger, with every check of theirs, beside the same rows written by bare INSERTs in one transaction.
import { post } from '../db/ledger.ts';
import type { Sql } from '../db/client.ts';
import { chargeAllocated, type Leg, partAccepted } from '../domain/postings.ts';
import type { Bench } from './context.ts';
import type { Section } from './section.ts';
import { atLeast, ratio, rounded } from './statistics.ts';

const WRITERS = 8;
const KEPT = /^(?:charge:|refund:|milestone:|seller:)/;

interface Prepared {
  key: string;
  kind: string;
  legs: Leg[];
}

/** A charge given to three milestones, then one of them accepted: seven legs and four, over accounts of their own. */
function postings(n: number): Prepared[] {
  const id = `bench${process.pid}x${n}`;
  const parts = [1, 2, 3].map((i) => ({ milestoneId: `ms_${id}_${i}`, sellerId: `usr_${id}`, principalMinor: 10_000n, buyerFeeMinor: 500n })); // prettier-ignore
  return [
    { key: `allocate:${id}`, kind: 'charge_allocated', legs: chargeAllocated(`pay_${id}`, parts) },
    { key: `accept:${id}`, kind: 'part_accepted', legs: partAccepted({ ...parts[0]!, sellerFeeMinor: 500n }) },
  ];
}

export async function ledger(bench: Bench): Promise<Section> {
  const { owner, sql } = bench;
  await floor(owner);
  const seconds = bench.quick ? 1.5 : 4;
  let n = 0;
  const product = (p: Prepared) => sql.begin((tx) => post(tx, { ...p, currency: 'usd', escrowId: 'esc_bench' })).then(() => {}); // prettier-ignore
  const bare = (p: Prepared) => insertBare(owner, p);
  const totals = { product: 0, bare: 0 };
  await during(0.5, () => postings(n++), product);
  await during(0.5, () => postings(n++), bare);
  // In turns, so that whatever else the machine does falls on both.
  for (let round = 0; round < 2; round++) {
    totals.product += await during(seconds, () => postings(n++), product);
    totals.bare += await during(seconds, () => postings(n++), bare);
  }
  const perSecond = { product: totals.product / (2 * seconds), bare: totals.bare / (2 * seconds) };
  const found = ratio(perSecond.product, perSecond.bare);
  const [posted] = await sql<{ n: number; off: number }[]>`
    SELECT count(*)::int AS n, count(*) FILTER (WHERE total <> 0)::int AS off FROM (
      SELECT sum(e.amount) AS total FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id
      WHERE t.escrow_id = 'esc_bench' GROUP BY t.id) x`;
  await owner`DROP TABLE bench_balances, bench_entries, bench_transactions`;
  bench.say(`ledger: ${Math.round(perSecond.product)} postings a second, ${Math.round(perSecond.bare)} bare`);
  return {
    name: 'ledger',
    title: 'Ledger postings',
    ok: posted!.off === 0 && posted!.n >= totals.product,
    says: [
      `${WRITERS} writers. A posting is \`ledger_post\`: idempotency key and hash, legs, balances under locks, and at commit the deferred`,
      'checks of sum and leg count. The floor writes the same rows into tables with the same columns and keys, without a check, a',
      'lock or an index more than the keys: three pipelined INSERTs in one transaction.',
    ],
    table: {
      header: ['', 'transactions/s'],
      rows: [
        ['`ledger_post`', Math.round(perSecond.product).toString()],
        ['bare INSERTs', Math.round(perSecond.bare).toString()],
      ],
    },
    goals: { ledger_vs_bare_inserts: atLeast('≥ 0.5 × bare INSERTs', found, 0.5) },
    figures: { ledger_postings_per_second: rounded(perSecond.product) },
  };
}

/** How many transactions all writers made together. */
async function during(seconds: number, make: () => Prepared[], write: (p: Prepared) => Promise<void>): Promise<number> {
  const until = performance.now() + seconds * 1000;
  let written = 0;
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      while (performance.now() < until) {
        for (const p of make()) {
          await write(p);
          written += 1;
        }
      }
    }),
  );
  return written;
}

async function floor(owner: Sql): Promise<void> {
  await owner`DROP TABLE IF EXISTS bench_balances, bench_entries, bench_transactions`;
  await owner`CREATE TABLE bench_transactions (LIKE ledger_transactions INCLUDING DEFAULTS, PRIMARY KEY (id))`;
  await owner`CREATE TABLE bench_entries (LIKE ledger_entries, PRIMARY KEY (transaction_id, leg))`;
  await owner`CREATE TABLE bench_balances (LIKE ledger_balances)`;
}

async function insertBare(owner: Sql, { key, kind, legs }: Prepared): Promise<void> {
  const id = crypto.randomUUID();
  const entries = legs.map((leg, i) => ({ transaction_id: id, leg: i + 1, account: leg.account, account_class: 'x', kind, currency: 'usd', amount: leg.amountMinor, escrow_id: 'esc_bench', milestone_id: leg.milestoneId ?? null, seller_id: leg.sellerId ?? null })); // prettier-ignore
  const balances = legs.filter((leg) => KEPT.test(leg.account)).map((leg) => ({ account: leg.account, currency: 'usd', account_class: 'x', amount: leg.amountMinor })); // prettier-ignore
  await owner.begin((tx) => [
    tx`INSERT INTO bench_transactions (id, kind, escrow_id, idempotency_key, params_hash, leg_count) VALUES (${id}, ${kind}, 'esc_bench', ${key}, 'hash', ${legs.length})`, // prettier-ignore
    tx`INSERT INTO bench_entries ${tx(entries)}`,
    tx`INSERT INTO bench_balances ${tx(balances)}`,
  ]);
}
