// One signed POST to an integrator's endpoint: names are resolved here and the connection goes to the very address that was
// judged, redirects are not followed, and neither time nor size is the receiver's to choose.
import { lookup, type LookupAddress } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { hostOf, isAllowedAddress } from './public-address.ts';

export interface Message {
  url: string;
  /** The event's: the same at every try, so that a receiver takes it once. */
  id: string;
  body: string;
  /** Each signs: two while a secret is being rotated. */
  secrets: readonly string[];
}

export interface SendOptions {
  /** This machine may be sent to: the sandbox's setting, nothing else. */
  loopback: boolean;
  timeoutMs?: number;
  /** The system's resolver without it. */
  resolve?: typeof lookup;
}

export interface SendResult {
  /** Null: no answer. */
  status: number | null;
  /** Why it counts as failed; null for 2xx. */
  error: string | null;
  /** The beginning of the answer's body. */
  answer: string | null;
  durationMs: number;
}

const TIMEOUT_MS = 15_000;
const MOST_ANSWER = 1024;

class Refused extends Error {}

/** Resolves a name and hands on only addresses that may be reached: a private one among them refuses them all. */
function guarded(options: SendOptions): LookupFunction {
  return (hostname, lookupOptions, callback) => {
    const resolve = options.resolve ?? lookup;
    resolve(hostname, { ...lookupOptions, all: true }, (error, addresses: LookupAddress[]) => {
      if (error) return callback(error, '', 0);
      const refused = addresses.find(({ address }) => !isAllowedAddress(address, options));
      if (refused !== undefined) return callback(new Refused('the name leads to a private address'), '', 0);
      if (lookupOptions.all === true) return callback(null, addresses as never, 0);
      return callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
}

/** Never throws: whatever happens is a result for the delivery's log. */
export async function send(message: Message, options: SendOptions): Promise<SendResult> {
  const started = performance.now();
  const done = (result: Omit<SendResult, 'durationMs'>): SendResult => ({
    ...result,
    durationMs: Math.round(performance.now() - started),
  });
  try {
    const { status, answer } = await post(message, options);
    return done({ status, error: faultOf(status), answer });
  } catch (error) {
    return done({ status: null, error: wordsOf(error), answer: null });
  }
}

function faultOf(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400) return `answered ${status}: redirects are not followed`;
  if (status === 410) return 'answered 410: the endpoint is gone';
  return `answered ${status}`;
}

function wordsOf(error: unknown): string {
  if (error instanceof Refused) return error.message;
  const { name, code, message } = error as NodeJS.ErrnoException;
  if (name === 'AbortError' || name === 'TimeoutError') return 'did not answer in time';
  if (code === 'ENOTFOUND') return 'the name is not known';
  return code ?? message;
}

function post(message: Message, options: SendOptions): Promise<{ status: number; answer: string }> {
  const url = new URL(message.url);
  const host = hostOf(url);
  // A literal address is never looked up: it is judged here.
  if (/^[\d.]+$|:/.test(host) && !isAllowedAddress(host, options)) {
    return Promise.reject(new Refused('the address is private'));
  }
  const at = new Date();
  const request = (url.protocol === 'https:' ? https : http).request(url, {
    method: 'POST',
    agent: false,
    lookup: guarded(options),
    signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS),
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(message.body),
      'user-agent': 'Tranche-Webhooks/1',
      'webhook-id': message.id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': message.secrets
        .map((secret) => new Webhook(secret).sign(message.id, at, message.body))
        .join(' '),
    },
  });
  return new Promise((fulfil, reject) => {
    request.once('error', reject);
    request.once('response', (response) => {
      const parts: Buffer[] = [];
      let size = 0;
      const end = (): void => {
        const answer = Buffer.concat(parts).subarray(0, MOST_ANSWER).toString('utf8').replaceAll('\0', '');
        fulfil({ status: response.statusCode ?? 0, answer });
        // What is longer than the log keeps is not read.
        request.destroy();
      };
      response.on('data', (part: Buffer) => {
        parts.push(part);
        size += part.length;
        if (size >= MOST_ANSWER) end();
      });
      response.once('end', end);
      response.once('error', reject);
    });
    request.end(message.body);
  });
}
