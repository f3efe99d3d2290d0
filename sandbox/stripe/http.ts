// The HTTP side of the API: authentication, decoding, faults, one idempotency key at a time, Stripe's headers.
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { isObject } from './core/json.ts';
import type { Json, JsonObject } from './core/json.ts';
import { FaultError, faultBody, readFault } from './faults.ts';
import type { Fault, Faults } from './faults.ts';
import { decodeForm, decodeMultipart } from './form.ts';
import type { Sandbox } from './sandbox.ts';

const LARGEST_BODY = 64 * 1024 * 1024;

export function header(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' ? value : null;
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_BODY) throw new Error('request body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: Json,
  headers: Record<string, string> = {},
): void {
  const payload = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(payload),
    ...headers,
  });
  response.end(payload);
}

/** The key of the request, or why it is refused. */
function authenticate(request: IncomingMessage): string | null {
  const given = header(request, 'authorization');
  if (given === null || given === '') {
    return "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.";
  }
  const basic = /^basic\s+(.+)$/i.exec(given)?.[1];
  const key = basic
    ? (Buffer.from(basic, 'base64').toString('utf8').split(':')[0] ?? '')
    : given.replace(/^bearer\s+/i, '').trim();
  if (/^(sk|rk)_test_\w+$/.test(key)) return null;
  return `Invalid API Key provided: ${key.slice(0, 8)}${'*'.repeat(Math.max(0, key.length - 12))}${key.slice(-4)}`;
}

function decode(method: string, url: URL, request: IncomingMessage, body: Buffer): JsonObject | null {
  if (method === 'GET' || method === 'DELETE') return decodeForm(url.search.slice(1));
  const type = header(request, 'content-type') ?? '';
  if (type.startsWith('multipart/form-data')) return decodeMultipart(body, type);
  if (url.pathname.startsWith('/v2/') || type.startsWith('application/json')) {
    if (body.length === 0) return {};
    try {
      const parsed = JSON.parse(body.toString('utf8')) as Json;
      return isObject(parsed) ? parsed : null;
    } catch {
      return null;
    }
  }
  return { ...decodeForm(url.search.slice(1)), ...decodeForm(body.toString('utf8')) };
}

function headerFault(request: IncomingMessage): Fault | FaultError | null {
  const given = header(request, 'sandbox-fault');
  if (given === null) return null;
  try {
    const parsed = JSON.parse(given) as Json;
    return isObject(parsed) ? readFault(parsed) : new FaultError('Sandbox-Fault must be a JSON object');
  } catch (error) {
    return error instanceof FaultError ? error : new FaultError('Sandbox-Fault is not JSON');
  }
}

const IN_USE = (key: string): JsonObject => ({
  error: {
    code: 'idempotency_key_in_use',
    doc_url: 'https://stripe.com/docs/error-codes/idempotency-key-in-use',
    message: `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`,
    type: 'idempotency_error',
  },
});

/** A locked object's 429 tells the client to try again; nothing is kept under its key. */
function lockedHeaders(key: string | null): Record<string, string> {
  const requestId = `req_${randomBytes(7).toString('hex')}`;
  return {
    'request-id': requestId,
    'stripe-should-retry': 'true',
    ...(key === null ? {} : { 'idempotency-key': key, 'original-request': requestId }),
  };
}

export class ApiHandler {
  private readonly sandbox: Sandbox;
  private readonly faults: Faults;
  private readonly inFlight = new Set<string>();
  readonly counts = { requests: 0, faults: 0 };

  constructor(sandbox: Sandbox, faults: Faults) {
    this.sandbox = sandbox;
    this.faults = faults;
  }

  async handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    this.counts.requests += 1;
    const body = await readBody(request);
    const method = request.method ?? 'GET';
    const refusal = authenticate(request);
    if (refusal !== null) {
      sendJson(
        response,
        401,
        { error: { message: refusal, type: 'invalid_request_error' } },
        {
          'www-authenticate': 'Bearer realm="Stripe"',
        },
      );
      return;
    }
    const params = decode(method, url, request, body);
    if (params === null) {
      sendJson(response, 400, {
        error: { message: 'The request body could not be parsed.', type: 'invalid_request_error' },
      });
      return;
    }
    const account = header(request, 'stripe-account') ?? header(request, 'stripe-context');
    const key = header(request, 'idempotency-key');
    const own = headerFault(request);
    if (own instanceof FaultError) {
      sendJson(response, 400, { error: { message: own.message, type: 'sandbox_control_error' } });
      return;
    }
    const fault = own ?? this.faults.take(method, url.pathname);
    const lock = key === null || method === 'GET' ? null : `${account ?? ''}:${key}`;
    if (lock !== null && this.inFlight.has(lock)) {
      sendJson(response, 409, IN_USE(key ?? ''));
      return;
    }
    if (lock !== null) this.inFlight.add(lock);
    try {
      const call = {
        method,
        path: url.pathname,
        params,
        idempotencyKey: key,
        account,
        apiVersion: header(request, 'stripe-version'),
      };
      if (fault) {
        this.counts.faults += 1;
        await this.handleFaulty(call, fault, request, response);
        return;
      }
      const answer = this.sandbox.handle(call);
      sendJson(response, answer.status, answer.body, answer.headers);
    } finally {
      if (lock !== null) this.inFlight.delete(lock);
    }
  }

  private async handleFaulty(
    call: {
      method: string;
      path: string;
      params: JsonObject;
      idempotencyKey: string | null;
      account: string | null;
      apiVersion: string | null;
    },
    fault: Fault,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const after = fault.kind === 'drop_after' || (fault.kind !== 'drop_before' && fault.effect === 'after');
    if (!after && fault.delayMs > 0) await sleep(fault.delayMs);
    if (fault.kind === 'drop_before') {
      request.socket.destroy();
      return;
    }
    if (fault.kind === 'status' && !after) {
      const locked = fault.status === 429 && fault.code === 'lock_timeout';
      const headers = locked ? lockedHeaders(call.idempotencyKey) : {};
      sendJson(response, fault.status, faultBody(fault.status, fault.code), headers);
      return;
    }
    const answer = this.sandbox.handle(call);
    if (after && fault.delayMs > 0) await sleep(fault.delayMs);
    if (fault.kind === 'drop_after') {
      request.socket.destroy();
    } else if (fault.kind === 'status') {
      const body = faultBody(fault.status);
      // Stripe stores a 500 that came after its endpoint began: the same key answers it again and again.
      if (fault.status >= 500 && call.idempotencyKey !== null) {
        this.sandbox.overwriteStored(call.idempotencyKey, call.account, fault.status, body);
      }
      sendJson(response, fault.status, body, answer.headers);
    } else {
      sendJson(response, answer.status, answer.body, answer.headers);
    }
  }
}
