// Starts the Stripe sandbox: machine, journal, webhook sender and HTTP server, on one port.
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { control } from './control.ts';
import type { ControlParts } from './control.ts';
import { makeEndpoint } from './core/events.ts';
import { isObject } from './core/json.ts';
import type { Json, JsonObject } from './core/json.ts';
import { StripeMachine } from './core/machine.ts';
import { Faults } from './faults.ts';
import { decodeForm } from './form.ts';
import { ApiHandler, readBody, sendJson } from './http.ts';
import { Journal } from './journal.ts';
import { authenticationPage, checkoutPage, onboardingPage, statusPage } from './page.ts';
import type { PageAnswer } from './page.ts';
import { Sandbox } from './sandbox.ts';
import type { Logger } from './sandbox.ts';
import { WebhookSender } from './webhooks.ts';

export type StripeSandboxOptions = {
  /** 0 takes a free one. */
  port: number;
  host?: string;
  /** Without it everything stays in memory. */
  dataDir?: string;
  /** Endpoints that exist from the start; `thin` ones get v2's thin events, the others v1's snapshots. */
  /** `also`: further addresses behind the same endpoint, each attempt at the next one. */
  webhooks?: readonly { url: string; secret: string; thin?: boolean; also?: readonly string[] }[];
  seed?: number;
  /** Whether a reversal lets its source_transaction be transferred once more; sources differ on Stripe's rule. */
  reversalFreesSource?: boolean;
  /** As live: with `automatic_async` a charge's balance transaction follows a second after the charge. */
  asyncCapture?: boolean;
  logger?: Logger;
};
export type StripeSandbox = { url: string; port: number; close(): Promise<void> };

const SILENT: Logger = { info: () => undefined, error: (message) => process.stderr.write(`${message}\n`) };

function sendPage(response: ServerResponse, page: PageAnswer): void {
  if (page.location !== undefined) {
    response.writeHead(page.status, { location: page.location });
    response.end();
    return;
  }
  response.writeHead(page.status, { 'content-type': 'text/html; charset=utf-8' });
  response.end(page.html);
}

/** The content behind a file link, until it expires. */
function sendFile(parts: ControlParts, response: ServerResponse, id: string): void {
  const { store } = parts.sandbox.machine.world;
  const link = store.get('file_link', id);
  const file = store.get('file', typeof link?.file === 'string' ? link.file : '');
  const expires = link?.expires_at;
  const expired = typeof expires === 'number' && expires * 1000 <= parts.sandbox.now();
  if (!file || expired || typeof file._data !== 'string') {
    sendPage(response, { status: 404, html: 'There is no such file.' });
    return;
  }
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  response.end(Buffer.from(file._data, 'base64'));
}

function readJson(body: Buffer): JsonObject | null {
  if (body.length === 0) return {};
  try {
    const parsed = JSON.parse(body.toString('utf8')) as Json;
    return isObject(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

async function local(parts: ControlParts, request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const body = await readBody(request);
  const submitted = request.method === 'POST';
  const [, , name, id = ''] = url.pathname.split('/');
  if (name === 'onboarding') {
    sendPage(response, onboardingPage(parts, id, submitted));
  } else if (name === 'authenticate') {
    const result = submitted ? decodeForm(body.toString('utf8')).result : null;
    sendPage(response, authenticationPage(parts, id, result === 'complete' || result === 'fail' ? result : null));
  } else if (name === 'checkout') {
    const method = submitted ? decodeForm(body.toString('utf8')).method : null;
    sendPage(response, checkoutPage(parts, id, typeof method === 'string' ? method : null));
  } else if (name === 'files') {
    sendFile(parts, response, id);
  } else {
    const given = readJson(body);
    if (given === null) {
      sendJson(response, 400, { error: { message: 'The body must be a JSON object.', type: 'sandbox_control_error' } });
      return;
    }
    const answer = control(parts, request.method ?? 'GET', url.pathname, given);
    sendJson(response, answer.status, answer.body);
  }
}

/** The endpoints of the settings stand in the store beside those made by API, and change with the settings. */
function installEndpoints(sandbox: Sandbox, webhooks: NonNullable<StripeSandboxOptions['webhooks']>): void {
  sandbox.control((world) => {
    for (const endpoint of world.store.all('webhook_endpoint')) {
      if (endpoint.id.startsWith('we_settings_')) world.store.remove('webhook_endpoint', endpoint.id);
    }
    for (const [i, { url, secret, thin }] of webhooks.entries()) {
      makeEndpoint(world, { id: `we_settings_${i}`, url, secret, events: ['*'], connect: null, thin: thin ?? false });
    }
  });
}

export async function startStripeSandbox(options: StripeSandboxOptions): Promise<StripeSandbox> {
  const logger = options.logger ?? SILENT;
  const host = options.host ?? '127.0.0.1';
  const seed = options.seed ?? 1;
  const machine = new StripeMachine({
    seed,
    settings: {
      reversalFreesSource: options.reversalFreesSource ?? false,
      asyncCapture: options.asyncCapture ?? false,
    },
  });
  const journal = options.dataDir === undefined ? null : new Journal(options.dataDir);
  const sandbox = new Sandbox(machine, journal, logger);
  const faults = new Faults();
  const webhooks = new WebhookSender(sandbox, seed);
  const parts: ControlParts = { sandbox, faults, webhooks };
  const api = new ApiHandler(sandbox, faults);

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://sandbox');
    const work = async (): Promise<void> => {
      if (url.pathname.startsWith('/_sandbox/')) await local(parts, request, response, url);
      else if (url.pathname === '/') sendPage(response, { status: 200, html: statusPage(parts) });
      else await api.handle(request, response, url);
    };
    work().catch((error: unknown) => {
      logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
      if (response.headersSent) request.socket.destroy();
      else sendJson(response, 500, { error: { message: `sandbox defect: ${String(error)}`, type: 'api_error' } });
    });
  });
  server.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://${host}:${port}`;
  machine.world.settings.baseUrl = url;
  sandbox.begin();
  installEndpoints(sandbox, options.webhooks ?? []);
  for (const { url: endpoint, also } of options.webhooks ?? []) webhooks.balance(endpoint, also ?? []);
  webhooks.resume();
  logger.info(`Stripe sandbox ready on ${url}`);
  return {
    url,
    port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      await webhooks.close();
      sandbox.close();
    },
  };
}
