// What the API's process serves: Express with its middleware in their order, the routes of /v1, docs, health and metrics, and
// the webhook inbox beside it. It holds no state of its own: everything comes in by its dependencies.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener } from 'node:http';
import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from 'express';
import helmet from 'helmet';
import { pinoHttp } from 'pino-http';
import type { Registry } from 'prom-client';
import { escrowWorkflowId } from '../domain/ids.ts';
import { type Authenticator, authenticate, byApiKey } from './auth.ts';
import type { AppContext } from './context.ts';
import { docsPage, errorsPage } from './docs-page.ts';
import { callLimit, wrongCredentialLimit } from './limits.ts';
import { createMetrics } from './metrics.ts';
import { multipart } from './multipart.ts';
import { openApiDocument } from './openapi.ts';
import { Problem, toProblem } from './problem.ts';
import { register, type RequestState, send, stateOf } from './route.ts';
import { ROUTES } from './routes/index.ts';
import { isStripeWebhook, STRIPE_WEBHOOK_PATH, stripeWebhook } from './stripe-webhook.ts';
import { API_VERSION } from './version.ts';
import { temporalEscrows } from './workflow-port.ts';

export interface AppDependencies extends Omit<AppContext, 'workflows'> {
  /** Tests may stand in for Temporal here. */
  workflows?: AppContext['workflows'];
  /** Asked after the API key, such as a page's session. */
  authenticators?: readonly Authenticator[];
  /** Adds the pages, behind everything of the API. */
  mountPages?: (app: Express, context: AppContext) => void;
  /** Where this process's figures are kept; one of its own without it. */
  registry?: Registry;
  /** Per minute, in this process. */
  limits?: Partial<Limits>;
}

interface Limits {
  /** Of one API key. */
  calls: number;
  /** Credentials that nobody has, of one address. */
  wrongCredentials: number;
}

const LIMITS = { live: { calls: 1_200, wrongCredentials: 60 }, other: { calls: 60_000, wrongCredentials: 300 } };
const HEALTH_DEADLINE_MS = 2_000;

export interface App {
  /** Everything that is served, for a server of Node's: the only way in. */
  handle: RequestListener;
  /** What Express serves of it: all but Stripe's webhooks. */
  express: Express;
}

export function createApp(dependencies: AppDependencies): App {
  const context = contextOf(dependencies);
  const metrics = createMetrics(dependencies.registry);
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  if (context.settings.trustedProxies !== undefined) app.set('trust proxy', context.settings.trustedProxies);
  app.use(identify(), metrics.timeRequests);
  app.use(logged(context), helmet({ contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } } })); // prettier-ignore

  documents(app);
  const answerHealth: RequestHandler = async (_request, response) => {
    const report = await health(context);
    response.status(report.ok ? 200 : 503).json(report);
  };
  const answerMetrics: RequestHandler = async (_request, response) => {
    response.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  };
  app.get('/healthz', answerHealth);
  app.get('/metrics', answerMetrics);

  const limits = { ...LIMITS[context.settings.mode === 'live' ? 'live' : 'other'], ...dependencies.limits };
  const authenticators = [byApiKey, ...(dependencies.authenticators ?? [])];
  app.use('/v1', versioned(), authenticate(context, authenticators, wrongCredentialLimit(limits.wrongCredentials)));
  app.use('/v1', callLimit(limits.calls), express.json({ limit: '1mb' }));
  // Behind the key: nobody unknown sends large bodies.
  app.use('/v1/files', multipart());
  register(app, context, ROUTES);
  app.use('/v1', (_request, _response, next) => next(new Problem('not_found', 'There is no such call.')));

  dependencies.mountPages?.(app, context);
  app.use((_request, _response, next) => next(new Problem('not_found')));
  app.use(failed(context));

  /** Stripe's webhooks go past Express: what it does for each request costs as much as verifying and storing one. */
  const webhook = stripeWebhook(context);
  const handle: RequestListener = (request, response) => {
    if (!isStripeWebhook(request)) return app(request, response);
    metrics.time(request, response, () => STRIPE_WEBHOOK_PATH);
    void webhook(request, response, requestIdOf(request));
  };
  return { handle, express: app };
}

function contextOf(dependencies: AppDependencies): AppContext {
  const { sql, temporal, settings, payments, logger } = dependencies;
  const workflows = dependencies.workflows ?? temporalEscrows(temporal, { taskQueue: settings.temporal.taskQueue });
  return { sql, temporal, settings, payments, logger, workflows };
}

/** A caller's own request id is taken where it is one; every answer carries it. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['request-id'];
  return typeof given === 'string' && /^[\w-]{8,64}$/.test(given) ? given : `req_${randomUUID().replaceAll('-', '')}`;
}

function identify(): RequestHandler {
  return (request, response, next) => {
    const requestId = requestIdOf(request);
    Object.assign(response.locals, { requestId, caller: null });
    response.set({ 'Request-Id': requestId, 'API-Version': API_VERSION });
    next();
  };
}

/** Also where an address stands in another, encoded: `next=%2Freset%3Ftoken%3D…`. Stripe's way back carries a client secret. */
const withoutSecrets = (url: string): string =>
  url.replaceAll(/((?:token|secret|code|state)(?:=|%3D))(?:(?!%26|&).)*/gi, '$1…');

const ESCROW_PATH = /^\/(?:v1\/(?:ops\/)?)?escrows\/(esc_[0-9a-f]{32})/;

function logged({ logger }: AppContext): RequestHandler {
  return pinoHttp({
    logger,
    genReqId: (_request, response) => (response as unknown as { locals: { requestId: string } }).locals.requestId,
    customProps: (request, response) => {
      const escrowId = ESCROW_PATH.exec((request as Request).originalUrl)?.[1];
      const { caller } = (response as unknown as { locals: RequestState }).locals;
      return {
        ...(caller && { person_id: caller.person.id }),
        ...(escrowId === undefined ? {} : { escrow_id: escrowId, workflow_id: escrowWorkflowId(escrowId) }),
      };
    },
    // Neither keys nor cookies nor bodies, nor what a mailed link or an identity provider's answer carries.
    serializers: {
      req: (request: { id: unknown; method: string; url: string }) => ({ id: request.id, method: request.method, url: withoutSecrets(request.url) }), // prettier-ignore
      res: (response: { statusCode: number }) => ({ status: response.statusCode }),
    },
    customLogLevel: (_request, response, error) => (error || response.statusCode >= 500 ? 'error' : 'info'),
    autoLogging: { ignore: (request) => request.url === '/healthz' || request.url === '/metrics' },
  });
}

function versioned(): RequestHandler {
  return (request, response, next) => {
    const asked = request.get('API-Version');
    const known = asked === undefined || asked === API_VERSION;
    // Answers are of their moment and of one caller, and some hold what is shown once.
    response.set('Cache-Control', 'no-store');
    next(known ? undefined : new Problem('api_version_unknown', `This API is version ${API_VERSION}.`, { param: 'API-Version' })); // prettier-ignore
  };
}

function documents(app: Express): void {
  const document = openApiDocument(ROUTES);
  const reference = docsPage(document);
  const errors = errorsPage();
  app.get('/openapi.json', (_request, response) => void response.json(document));
  app.get('/docs', (_request, response) => void response.type('html').send(reference));
  app.get('/docs/errors', (_request, response) => void response.type('html').send(errors));
}

async function health({ sql, temporal }: AppContext): Promise<{ ok: boolean; database: boolean; temporal: boolean }> {
  const answers = async (call: () => PromiseLike<unknown>): Promise<boolean> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), HEALTH_DEADLINE_MS);
    });
    const asked = Promise.resolve(call()).then(() => true, () => false); // prettier-ignore
    return Promise.race([asked, late]).finally(() => clearTimeout(timer));
  };
  const deadline = Date.now() + HEALTH_DEADLINE_MS;
  const [database, engine] = await Promise.all([
    answers(() => sql`SELECT 1`),
    answers(() => temporal.withDeadline(deadline, () => temporal.workflowService.getSystemInfo({}))),
  ]);
  return { ok: database && engine, database, temporal: engine };
}

function failed(context: AppContext): ErrorRequestHandler {
  return (error, _request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const problem = toProblem(error);
    const { requestId } = stateOf(response);
    if (problem.status >= 500)
      context.logger.error({ err: problem.cause ?? problem, request_id: requestId }, problem.code);
    if (problem.status === 401) response.set('WWW-Authenticate', 'Bearer');
    send(response, { status: problem.status, body: problem.document(requestId), headers: problem.headers });
  };
}
