// Every route that the product serves, read from the Express app itself: nothing is registered that is not in this list.
import pino from 'pino';
import { createApp } from '../../api/app.ts';
import { loadSettings } from '../../config/settings.ts';
import { ROUTES } from '../../api/routes/index.ts';
import { STRIPE_WEBHOOK_PATH } from '../../api/stripe-webhook.ts';
import { mountPages } from '../../web/pages.ts';
import { ROWS } from './rows.ts';

interface Layer {
  route?: { path: string; stack: { method?: string }[] };
  handle?: { stack?: Layer[] };
}

const walk = (stack: readonly Layer[]): string[] =>
  stack.flatMap(({ route, handle }) =>
    route === undefined
      ? walk(handle?.stack ?? [])
      : [...new Set(route.stack.map(({ method }) => method))]
          // Without a method: what answers 405 for all others.
          .filter((method) => method !== undefined)
          .map((method) => `${method.toUpperCase()} ${route.path}`),
  );

/** "GET /v1/escrows/{id}" for the API, "GET /escrows/:id" for pages; static files have no row. */
export function servedRoutes(): string[] {
  const nothing = {} as never;
  const settings = loadSettings({ DATA_DIR: '/nowhere' }, { joinRunningStack: false });
  const { express } = createApp({ sql: nothing, temporal: nothing, workflows: nothing, payments: nothing, settings, logger: pino({ level: 'silent' }), mountPages }); // prettier-ignore
  const pages = walk((express as unknown as { router: { stack: Layer[] } }).router.stack);
  const api = ROUTES.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  return [...api, `POST ${STRIPE_WEBHOOK_PATH}`, ...pages.filter((route) => !/ \/(v1|assets)\//.test(route))];
}

/** What the matrix lacks, and what it has of what is gone. */
export function faultsOfMatrix(): string[] {
  const served = servedRoutes();
  const missing = served.filter((route) => !Object.hasOwn(ROWS, route));
  const gone = Object.keys(ROWS).filter((route) => !served.includes(route));
  return [
    ...missing.map((route) => `test/authorization/rows.ts has no row for ${route}: say who may call it, and whose things it touches.`),
    ...gone.map((route) => `test/authorization/rows.ts has a row for ${route}, which is not served.`),
  ];
} // prettier-ignore
