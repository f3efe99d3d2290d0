// Encrypts what Temporal stores: every payload (arguments, results, state, summaries, details, and failures' words) under
// AES-256-GCM. The key's id travels with each payload, so that a key can be changed while escrows of months run on.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { type Payload, type PayloadCodec, ValueError } from '@temporalio/common';
import proto from '@temporalio/proto';

// CommonJS: Node finds its default export alone.
const { Payload: PayloadMessage } = proto.temporal.api.common.v1;

/** 32 bytes, named; the first of a list encrypts, all of them decrypt. */
export interface CodecKey {
  id: string;
  key: Uint8Array;
}

export const ENCODING = 'binary/encrypted';
const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | null | undefined): string => new TextDecoder().decode(value ?? new Uint8Array());

/** A payload under a key that is not configured, or one that was changed on its way: never passed on as if it were content. */
export class PayloadCodecError extends Error {
  override name = 'PayloadCodecError';
}

export class EncryptionCodec implements PayloadCodec {
  readonly #keys: ReadonlyMap<string, Uint8Array>;
  readonly #current: CodecKey;

  /** @throws ValueError without any key. */
  constructor(keys: readonly CodecKey[]) {
    const [current] = keys;
    if (current === undefined) throw new ValueError('an encryption codec needs at least one key');
    this.#current = current;
    this.#keys = new Map(keys.map(({ id, key }) => [id, key]));
  }

  async encode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map((payload) => this.#encrypted(payload));
  }

  /** What was stored before a key was configured passes as it is. */
  async decode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map((payload) =>
      text(payload.metadata?.['encoding']) === ENCODING ? this.#plain(payload) : payload,
    );
  }

  #encrypted(payload: Payload): Payload {
    const { id, key } = this.#current;
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(CIPHER, key, iv);
    // The key's id is authenticated with the content: one cannot be put in the other's place.
    cipher.setAAD(bytes(id));
    const content = PayloadMessage.encode(payload).finish();
    const data = Buffer.concat([iv, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
    return { metadata: { encoding: bytes(ENCODING), 'encryption-key-id': bytes(id) }, data };
  }

  #plain(payload: Payload): Payload {
    const id = text(payload.metadata?.['encryption-key-id']);
    const key = this.#keys.get(id);
    if (key === undefined) throw new PayloadCodecError(`no key "${id}" in TEMPORAL_CODEC_KEYS: add it there`);
    const data = Buffer.from(payload.data ?? new Uint8Array());
    try {
      const decipher = createDecipheriv(CIPHER, key, data.subarray(0, IV_BYTES));
      decipher.setAAD(bytes(id));
      decipher.setAuthTag(data.subarray(data.length - TAG_BYTES));
      const content = data.subarray(IV_BYTES, data.length - TAG_BYTES);
      return PayloadMessage.decode(Buffer.concat([decipher.update(content), decipher.final()]));
    } catch (error) {
      throw new PayloadCodecError(`a payload under key "${id}" cannot be decrypted`, { cause: error });
    }
  }
}
