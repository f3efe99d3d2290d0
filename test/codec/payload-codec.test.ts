import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { assert, asyncProperty, jsonValue } from 'fast-check';
import { EncryptionCodec, PayloadCodecError } from '../../codec/payload-codec.ts';
import { loadSettings } from '../../config/settings.ts';

const [first, second] = [randomBytes(32), randomBytes(32)];
const before = new EncryptionCodec([{ id: 'k1', key: first }]);
const rotated = new EncryptionCodec([
  { id: 'k2', key: second },
  { id: 'k1', key: first },
]);
const payload = (value: unknown): Payload => defaultPayloadConverter.toPayload(value)!;
const idOf = (p: Payload) => Buffer.from(p.metadata!['encryption-key-id']!).toString();

test('whatever is encrypted comes back as it was, and is not readable between', async () => {
  await assert(
    asyncProperty(jsonValue(), async (value) => {
      const marked = { secret: 'Ana Buyer', value };
      const [stored] = await before.encode([payload(marked)]);
      expect(Buffer.from(stored!.data!).includes('Ana Buyer')).toBe(false);
      const [back] = await before.decode([stored!]);
      expect(defaultPayloadConverter.fromPayload(back!)).toEqual(JSON.parse(JSON.stringify(marked)));
    }),
  );
});

test('one content is never stored twice as the same bytes', async () => {
  const [a, b] = await before.encode([payload('x'), payload('x')]);
  expect(Buffer.from(a!.data!).equals(Buffer.from(b!.data!))).toBe(false);
});

test('after a rotation the new key encrypts, and what the old one encrypted is still read', async () => {
  const [old] = await before.encode([payload('old')]);
  const [fresh] = await rotated.encode([payload('new')]);
  expect([idOf(old!), idOf(fresh!)]).toEqual(['k1', 'k2']);
  const read = (await rotated.decode([old!, fresh!])).map((p) => defaultPayloadConverter.fromPayload(p));
  expect(read).toEqual(['old', 'new']);
  await expect(before.decode([fresh!])).rejects.toThrow('no key "k2" in TEMPORAL_CODEC_KEYS');
});

test('what was stored before there was a key passes', async () => {
  const plain = payload({ a: 1 });
  expect(await before.decode([plain])).toEqual([plain]);
});

describe('is never passed on', () => {
  const altered = (change: (p: { metadata: Record<string, Uint8Array>; data: Buffer }) => void) => async () => {
    const [stored] = await rotated.encode([payload('pay 100')]);
    const copy = { metadata: { ...stored!.metadata }, data: Buffer.from(stored!.data!) };
    change(copy);
    await expect(rotated.decode([copy])).rejects.toThrow(PayloadCodecError);
  };
  test('a changed byte', altered((p) => p.data.writeUInt8(p.data.readUInt8(20) ^ 1, 20))); // prettier-ignore
  test('a shortened payload', altered((p) => (p.data = p.data.subarray(0, 10)))); // prettier-ignore
  test('another key’s id', altered((p) => (p.metadata['encryption-key-id'] = Buffer.from('k1')))); // prettier-ignore
});

describe('TEMPORAL_CODEC_KEYS', () => {
  const keys = (text: string) =>
    loadSettings({ TEMPORAL_CODEC_KEYS: text }, { joinRunningStack: false }).temporal.codecKeys;
  const [a, b] = [first.toString('base64'), second.toString('base64')];

  test('names one key or more, the first of which encrypts', () => {
    expect(keys(`2026=${a},2025=${b}`).map(({ id, key }) => [id, Buffer.from(key).toString('base64')])).toEqual([
      ['2026', a],
      ['2025', b],
    ]);
    expect(keys('')).toEqual([]);
  });

  test.each([`k=${a.slice(4)}`, a, `k=${a},`, `k=${a},k=${b}`])('refuses %s without showing it', (text) => {
    expect(() => keys(text)).toThrow(/^TEMPORAL_CODEC_KEYS: its value (is not a list|names a key twice)/);
  });
});
