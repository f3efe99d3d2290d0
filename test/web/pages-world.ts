// A world with pages: the suite's world, and a second app in front of it that carries them and the sandbox's people.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { createApp } from '../../api/app.ts';
import { temporalEscrows } from '../../api/workflow-port.ts';
import { loadSettings, type Settings } from '../../config/settings.ts';
import { mountPages } from '../../web/pages.ts';
import { temporalAddress, temporalNamespace } from '../stack/temporal.ts';
import { startWorld, type World, type WorldOptions } from '../stack/world.ts';

export interface PagesWorld {
  world: World;
  /** Where the pages are. */
  url: string;
  settings: Settings;
  stop(): Promise<void>;
}

/** `env`: settings beside the usual ones. */
export async function startPagesWorld(
  env: Record<string, string> = {},
  options: WorldOptions = {},
): Promise<PagesWorld> {
  const world = await startWorld(options);
  // The address must be known before the settings are, and they before the app.
  let handle: RequestListener = (_request, response) => void response.writeHead(503).end();
  const server = createServer((request, response) => handle(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dataDir = mkdtempSync(path.join(tmpdir(), 'tranche-pages-'));
  const people = Object.entries(world.people).map(([name, { id, email, password, apiKey }]) => [name, { id, email, password, api_key: apiKey }]); // prettier-ignore
  writeFileSync(path.join(dataDir, 'people.json'), JSON.stringify(Object.fromEntries(people)));
  const settings = loadSettings(
    {
      DATA_DIR: dataDir,
      DATABASE_URL: world.ownerUrl,
      TEMPORAL_ADDRESS: temporalAddress(),
      TEMPORAL_NAMESPACE: temporalNamespace,
      TEMPORAL_TASK_QUEUE: world.taskQueue,
      TEMPORAL_UI_URL: 'http://127.0.0.1:8233',
      STRIPE_SECRET_KEY: 'sk_test_sandbox',
      STRIPE_API_BASE: world.sandbox.url,
      STRIPE_WEBHOOK_SECRETS: 'whsec_test_world',
      TRANCHE_EMBEDDED: 'stripe',
      LOG_LEVEL: 'silent',
      PUBLIC_URL: url,
      ...env,
    },
    { joinRunningStack: false },
  );
  ({ handle } = createApp({
    sql: world.sql,
    temporal: world.client,
    workflows: temporalEscrows(world.client, { taskQueue: world.taskQueue }),
    settings,
    payments: world.payments,
    logger: pino({ level: 'silent' }),
    mountPages,
  }));
  return {
    world,
    url,
    settings,
    stop: async () => {
      // Live pages end by themselves when the server stops listening; a kept-alive connection does not.
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await world.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
