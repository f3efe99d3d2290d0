// How a write reaches Stripe: one key for one movement, used again while its outcome is unknown, and never a new one before
// a look at what the old one did. The rows are real; Stripe is a function.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ActivityDeps, type StripeWrite, toFailure, writeToStripe } from '../../activities/stripe-call.ts';
import { PaymentsError, type PaymentsErrorKind } from '../../payments/errors.ts';
import { type Book, newKey, openBook } from './book.ts';

let book: Book;
beforeAll(async () => {
  book = await openBook();
});
afterAll(() => book.close());

interface Stripe {
  /** Keys that it was called with. */
  keys: string[];
  looked: number;
}

/** A write of a movement of its own. */
async function write(more: Partial<StripeWrite<string>> = {}): Promise<{ stripe: Stripe; again: (change?: Partial<StripeWrite<string>>) => Promise<string>; key: string; id: string }> {
  const id = `trf_${newKey()}`;
  await book.app`INSERT INTO movements (id, kind, escrow_id, amount, currency, status) VALUES (${id}, 'transfer', 'esc_1', 90, 'usd', 'reserved')`;
  const stripe: Stripe = { keys: [], looked: 0 };
  const deps = { sql: book.app, logger: { info() {}, warn() {} } } as unknown as ActivityDeps;
  const again = (change: Partial<StripeWrite<string>> = {}) => {
    const answer = change.call ?? more.call ?? (async () => 'made');
    const found = change.find ?? more.find ?? (async () => null);
    return writeToStripe(deps, {
      escrowId: 'esc_1', movementId: id, subject: id, operation: 'transfer.1', generation: 1, params: { amount: 90 },
      ...more,
      ...change,
      call: (key) => {
        stripe.keys.push(key);
        return answer(key);
      },
      find: () => {
        stripe.looked += 1;
        return found();
      },
    });
  };
  return { stripe, again, key: `esc_1:${id}:transfer.1:1`, id };
} // prettier-ignore

const fails = (kind: PaymentsErrorKind) => async () => {
  throw new PaymentsError(kind, 'a_code', 'words');
};
const used = (id: string, ago: string) =>
  book.owner`UPDATE movement_attempts SET first_call_at = now() - ${ago}::interval WHERE movement_id = ${id}`;

test('a repetition uses the same key, made of the escrow’s own facts', async () => {
  const { stripe, again, key } = await write({ call: fails('unknown') });
  await expect(again()).rejects.toMatchObject({ nonRetryable: false, type: 'a_code' });
  expect(await again({ call: async () => 'made' })).toBe('made');
  expect(stripe).toEqual({ keys: [key, key], looked: 0 });
});

test('the same key with other parameters never reaches Stripe: a person looks', async () => {
  const { stripe, again } = await write();
  await again();
  await expect(again({ params: { amount: 91 } })).rejects.toMatchObject({ nonRetryable: true, type: 'KeyMismatch' });
  expect(stripe.keys).toHaveLength(1);
});

test('an amount that has changed since it was read never reaches Stripe: it is read again', async () => {
  const { stripe, again, id } = await write();
  await book.app`UPDATE movements SET amount = 60 WHERE id = ${id}`;
  await expect(again()).rejects.toThrow('it is read again');
  expect(await again({ params: { amount: 60 } })).toBe('made');
  expect(stripe.keys).toHaveLength(1);
});

describe('a key that Stripe may have forgotten', () => {
  test('is used only after a look that found nothing', async () => {
    const { stripe, again, key, id } = await write({ call: fails('unknown') });
    await expect(again()).rejects.toThrow('words');
    await used(id, '23 hours 1 minute');
    expect(await again({ call: async () => 'made late' })).toBe('made late');
    expect(stripe).toEqual({ keys: [key, key], looked: 1 });
  });

  test('is not used where the look finds what it did', async () => {
    const { stripe, again, id } = await write({ call: fails('unknown') });
    await expect(again()).rejects.toThrow('words');
    await used(id, '3 days');
    expect(await again({ find: async () => 'found' })).toBe('found');
    expect(stripe).toMatchObject({ looked: 1 });
    expect(stripe.keys).toHaveLength(1);
  });

  test('is used without a look while Stripe remembers it', async () => {
    const { stripe, again, id } = await write({ call: fails('unknown') });
    await expect(again()).rejects.toThrow('words');
    await used(id, '22 hours 59 minutes');
    await again({ call: async () => 'made' });
    expect(stripe.looked).toBe(0);
  });
});

describe('a failure that Stripe stored under the key', () => {
  test('is looked behind: what it did counts', async () => {
    const { stripe, again } = await write({ call: fails('replayed_failure'), find: async () => 'found' });
    expect(await again()).toBe('found');
    expect(stripe.keys).toHaveLength(1);
  });

  test('that did nothing is followed by one fresh key, the same at each repetition', async () => {
    const { stripe, again, key } = await write();
    const call = async (k: string) => (k === key ? fails('replayed_failure')() : 'made');
    expect(await again({ call })).toBe('made');
    expect(await again({ call })).toBe('made');
    expect(stripe).toEqual({ keys: [key, `${key}:fresh`, key, `${key}:fresh`], looked: 2 });
  });
});

test.each<[PaymentsErrorKind, boolean]>([
  ['unknown', false],
  ['retryable', false],
  ['replayed_failure', false],
  ['key_mismatch', true],
  ['refused', true],
  ['declined', true],
])('%s ends the activity for good: %s', (kind, nonRetryable) => {
  expect(toFailure(new PaymentsError(kind, 'a_code', 'words'))).toMatchObject({ nonRetryable });
});

test('a refusal is noted, and the next generation has another key', async () => {
  const { stripe, again, key, id } = await write();
  await expect(again({ call: fails('refused') })).rejects.toBeInstanceOf(PaymentsError);
  const [row] = await book.app`SELECT error_code FROM movement_attempts WHERE movement_id = ${id} AND generation = 1`;
  expect(row).toEqual({ error_code: 'a_code' });
  await again({ generation: 2 });
  expect(stripe.keys).toEqual([key, key.replace(/:1$/, ':2')]);
});
