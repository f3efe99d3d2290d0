// Balance transactions and balances. Every movement of money goes through `book`; the assertion after each request holds
// the ledger's balances against sums that a watcher of the store keeps by itself.
import { integer, text, word } from './json.ts';
import type { JsonObject } from './json.ts';
import type { BalanceRow, BalanceTransaction } from './records.ts';
import type { Store } from './store.ts';
import { PLATFORM } from './world.ts';
import type { World } from './world.ts';

export type Booking = {
  type: string;
  category: string;
  amount: number;
  fee?: number;
  feeDescription?: string;
  currency: string;
  source: string | null;
  description?: string | null;
  availableOn?: number;
  rate?: number | null;
  stem?: string | null;
  /** One of a pair on two accounts: what leaves the one arrives on the other. */
  internal?: boolean;
};

export function balanceRow(world: World, account: string, currency: string): BalanceRow {
  return (
    world.store.get('balance_row', `${account}:${currency}`) ?? {
      id: `${account}:${currency}`,
      object: 'balance_row',
      _account: account,
      created: world.now,
      currency,
      available: 0,
      pending: 0,
      reserved: 0,
    }
  );
}

export function available(world: World, account: string, currency: string): number {
  return balanceRow(world, account, currency).available;
}

export function availableAndPending(world: World, account: string, currency: string): number {
  const row = balanceRow(world, account, currency);
  return row.available + row.pending;
}

/** Writes one balance transaction of the acting account and moves its balance. */
export function book(world: World, entry: Booking): BalanceTransaction {
  const fee = entry.fee ?? 0;
  const availableOn = Math.max(entry.availableOn ?? world.now, world.now);
  const pending = availableOn > world.now;
  const net = entry.amount - fee;
  const transaction: BalanceTransaction = {
    id: entry.stem ? world.ids.ofStem('txn', entry.stem) : world.id('txn'),
    object: 'balance_transaction',
    _account: world.account,
    amount: entry.amount,
    available_on: availableOn,
    balance_type: 'payments',
    created: world.now,
    currency: entry.currency,
    description: entry.description ?? null,
    exchange_rate: entry.rate ?? null,
    fee,
    fee_details:
      fee === 0
        ? []
        : [
            {
              amount: fee,
              application: null,
              currency: entry.currency,
              description: entry.feeDescription ?? 'Stripe processing fees',
              type: 'stripe_fee',
            },
          ],
    net,
    reporting_category: entry.category,
    source: entry.source,
    status: pending ? 'pending' : 'available',
    type: entry.type,
    _internal: entry.internal ?? false,
  };
  world.store.put('balance_transaction', transaction);
  const row = balanceRow(world, world.account, entry.currency);
  world.store.put('balance_row', {
    ...row,
    available: pending ? row.available : row.available + net,
    pending: pending ? row.pending + net : row.pending,
  });
  if (pending) world.schedule('available', transaction.id, availableOn);
  else if (entry.category === 'charge') world.grown.add(world.account);
  return transaction;
}

/** The job at `available_on`. */
export function settle(world: World, id: string): void {
  const transaction = world.store.get('balance_transaction', id);
  if (!transaction || transaction.status !== 'pending') return;
  world.store.patch('balance_transaction', id, { status: 'available' });
  world.grown.add(transaction._account);
  const row = balanceRow(world, transaction._account, transaction.currency);
  world.store.put('balance_row', {
    ...row,
    available: row.available + transaction.net,
    pending: row.pending - transaction.net,
  });
  balanceGrew(world, transaction._account, transaction.currency);
}

/** Standing orders that wait for money (pending refunds) look again when a balance grows. */
export function balanceGrew(world: World, account: string, currency: string): void {
  const key = `${account}:${currency}`;
  if (world.store.by('refund', '_waiting', key).length === 0) return;
  world.as(account, () => world.schedule('balance.changed', key, world.now));
}

/** Sums by account, currency and status, kept from the store's writes alone and never by the code that books. */
export class Books {
  private readonly sums = new Map<string, number>();
  private readonly touched = new Set<string>();
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
    store.watch((table, before, after) => {
      if (table === 'balance_transaction') {
        this.count(before, -1);
        this.count(after, 1);
      } else if (table === 'balance_row') {
        const id = text(after?.id) ?? text(before?.id);
        if (id) this.touched.add(id);
      }
    });
  }

  /** Throws when a balance that was touched differs from its transactions; called after every request. */
  check(): void {
    for (const key of this.touched) {
      const row = this.store.get('balance_row', key);
      const available = this.sums.get(`${key}:available`) ?? 0;
      const pending = this.sums.get(`${key}:pending`) ?? 0;
      if ((row?.available ?? 0) !== available || (row?.pending ?? 0) !== pending) {
        throw new Error(
          `sandbox: the books of ${key} do not balance: ${String(row?.available)}/${String(row?.pending)} against ${available}/${pending}`,
        );
      }
    }
    this.touched.clear();
    const between = this.sums.get('transfers') ?? 0;
    if (between !== 0) throw new Error(`sandbox: transfers and their payments differ by ${between}`);
  }

  private count(record: JsonObject | undefined, sign: 1 | -1): void {
    if (!record) return;
    const net = integer(record.net) ?? 0;
    if (integer(record.amount) !== net + (integer(record.fee) ?? 0)) {
      throw new Error(`sandbox: ${word(record.id)} is not amount - fee = net`);
    }
    const key = `${word(record._account)}:${word(record.currency)}`;
    this.touched.add(key);
    this.add(`${key}:${word(record.status)}`, sign * net);
    // What leaves one account by a transfer arrives on the other, so the sum over all accounts stays 0.
    if (record._internal === true) this.add('transfers', sign * net);
  }

  private add(key: string, net: number): void {
    this.sums.set(key, (this.sums.get(key) ?? 0) + net);
  }
}

export function isPlatform(world: World): boolean {
  return world.account === PLATFORM;
}
