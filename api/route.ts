// One declaration per route: it is registered with Express and written into the OpenAPI document from the same object,
// and the authorization matrix is the list of all of them.
import type { Express, Request, Response } from 'express';
import { z } from 'zod';
import type { Scope } from '../db/api-keys.ts';
import type { Role } from '../domain/escrow-state.ts';
import type { AppContext, Answer, Caller } from './context.ts';
import { dotted, invalidInput, Problem, PROBLEM_TYPE } from './problem.ts';
import { unstorableIn } from './text.ts';

export interface Call<P, Q, B> {
  context: AppContext;
  caller: Caller;
  params: P;
  query: Q;
  body: B;
  /** Idempotency-Key; empty on GET. */
  key: string;
  /** Method and path as called. */
  route: string;
}

export interface RouteResponse {
  description: string;
  schema?: z.ZodType;
  /** application/json unless said otherwise. */
  mediaType?: string;
}

export interface Declaration<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  /** POSTs carry an Idempotency-Key; a DELETE is repeated without harm. */
  method: 'get' | 'post' | 'delete';
  /** OpenAPI's way: /v1/escrows/{id}. */
  path: string;
  operationId: string;
  tag: string;
  summary: string;
  description?: string;
  /** Who may call it at all; whose objects they may touch is the repository's to say. */
  roles: readonly Role[];
  params?: P;
  query?: Q;
  body?: B;
  /** application/json unless said otherwise. */
  bodyType?: 'multipart/form-data';
  responses: Record<number, RouteResponse>;
  handler: (call: Call<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Answer>;
}

export type Route = Declaration<z.ZodType, z.ZodType, z.ZodType>;

/** Of a declaration that leaves one out. */
export type None = z.ZodObject<z.core.$ZodShape>;

/** Keeps the types inside a declaration and forgets them outside. */
export function route<P extends z.ZodType = None, Q extends z.ZodType = None, B extends z.ZodType = None>(
  declaration: Declaration<P, Q, B>,
): Route {
  return declaration as unknown as Route;
}

export const EVERYBODY: readonly Role[] = ['buyer', 'seller', 'ops', 'auditor'];
export const STAFF: readonly Role[] = ['ops', 'auditor'];

/** What an API key needs for it. */
export function scopesOf({ method, roles }: Pick<Route, 'method' | 'roles'>): Scope[] {
  const own: Scope[] = [method === 'get' ? 'read' : 'write'];
  return roles.every((role) => STAFF.includes(role)) ? [...own, 'ops'] : own;
}

/** Set by the middleware before the routes. */
export interface RequestState {
  caller: Caller | null;
  requestId: string;
}

export const stateOf = (response: Response): RequestState => response.locals as RequestState;

export function register(app: Express, context: AppContext, routes: readonly Route[]): void {
  for (const declaration of routes) {
    const path = declaration.path.replaceAll(/\{(\w+)\}/g, ':$1');
    // Express 5 hands a rejection to the error handler.
    app[declaration.method](path, (request, response) => answer(context, declaration, request, response));
  }
  // After all of them: what is left asks a known path by a method that it has not.
  for (const path of new Set(routes.map((declaration) => declaration.path))) {
    const methods = routes.filter((declaration) => declaration.path === path).map(({ method }) => method.toUpperCase());
    const headers = { Allow: [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ') };
    app.all(path.replaceAll(/\{(\w+)\}/g, ':$1'), () => {
      throw new Problem('method_not_allowed', `This address takes ${methods.join(' and ')}.`, { headers });
    });
  }
}

const none = z.strictObject({});

async function answer(context: AppContext, declaration: Route, request: Request, response: Response): Promise<void> {
  const { caller } = stateOf(response);
  if (caller === null) throw new Problem('unauthorized');
  if (!declaration.roles.includes(caller.person.role)) {
    throw new Problem('forbidden', `This call is for ${declaration.roles.join(' and ')}.`);
  }
  const missing = scopesOf(declaration).find((scope) => caller.scopes !== undefined && !caller.scopes.includes(scope));
  if (missing !== undefined)
    throw new Problem('scope_missing', `This call needs an API key with the scope ${missing}.`);
  const key = declaration.method === 'post' ? idempotencyKey(request) : '';
  const result = await declaration.handler({
    context,
    caller,
    params: parse(declaration.params ?? z.object({}), request.params, 'path'),
    query: parse(declaration.query ?? none, request.query, 'query'),
    body: declaration.method === 'post' ? parse(declaration.body ?? none, bodyOf(request), 'body') : {},
    key,
    route: `${declaration.method.toUpperCase()} ${request.path}`,
  });
  send(response, result);
}

export function send(response: Response, answer: Answer): void {
  response.status(answer.status).set(answer.headers ?? {});
  if (answer.status === 204) {
    response.end();
    return;
  }
  if (answer.status >= 400) response.type(PROBLEM_TYPE);
  if (Buffer.isBuffer(answer.body)) response.end(answer.body);
  else response.json(answer.once === undefined ? answer.body : { ...(answer.body as object), ...answer.once });
}

function idempotencyKey(request: Request): string {
  const key = request.get('Idempotency-Key')?.trim() ?? '';
  if (key === '') throw new Problem('idempotency_key_required');
  if (key.length > 255) throw new Problem('idempotency_key_required', 'An Idempotency-Key has at most 255 characters.');
  return key;
}

function bodyOf(request: Request): unknown {
  const body: unknown = request.body;
  if (body !== undefined) return body;
  // A body that nobody has read is of another media type.
  if (Number(request.get('Content-Length') ?? 0) > 0) throw new Problem('media_type_unsupported');
  return {};
}

function parse(schema: z.ZodType, value: unknown, where: 'body' | 'query' | 'path'): unknown {
  const result = schema.safeParse(value);
  if (!result.success) throw invalidInput(result.error, where);
  const unstorable = unstorableIn(value);
  if (unstorable !== null) {
    const param = dotted(unstorable) || where;
    throw new Problem('invalid_request', `${param}: holds a character that no text may have: NUL, or half of one. Leave it out.`, { param }); // prettier-ignore
  }
  return result.data;
}
