// The OpenAPI 3.1 document, from the same declarations that Express serves.
import { OpenAPIRegistry, OpenApiGeneratorV31, type ResponseConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { EVENT_TYPES } from '../domain/event-types.ts';
import { eventOfType } from './event-schemas.ts';
import { type Example, EXAMPLES, type ShownOperation, THINGS, thingsOfPath } from './examples.ts';
import { API_VERSION } from './version.ts';
import { PROBLEM_TYPE, PROBLEMS } from './problem.ts';
import { type Route, scopesOf } from './route.ts';
import * as schemas from './schemas.ts';

export type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>;

const INTRODUCTION = `Milestone payments that are held until the work is accepted.

Money is \`{"amount": 12345, "currency": "usd"}\` in minor units in answers, and an integer in the escrow's currency in requests.
Every POST carries an \`Idempotency-Key\`: the same key with the same body gives the same answer for 24 hours.
A 2xx of a command that moves money means that it is *ordered*; the object says when it happened.
Errors are problem documents (RFC 9457) with a stable \`code\`.`;

export function openApiDocument(routes: readonly Route[]): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'apiKey', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'sk_tranche_…',
  });
  const problemResponse = (description: string): ResponseConfig => ({
    description,
    content: { [PROBLEM_TYPE]: { schema: schemas.problem } },
  });
  const key = z.string().min(1).max(255).describe('Your own key of this request; the same one when it is repeated.');
  for (const declaration of routes) {
    const post = declaration.method === 'post';
    const own = Object.entries(declaration.responses).map(([status, { description, schema, mediaType }]) => {
      const type = mediaType ?? (Number(status) >= 400 ? PROBLEM_TYPE : 'application/json');
      return [status, { description, ...(schema === undefined ? {} : { content: { [type]: { schema } } }) }] as const;
    });
    registry.registerPath({
      method: declaration.method,
      path: declaration.path,
      operationId: declaration.operationId,
      tags: [declaration.tag],
      summary: declaration.summary,
      description: `${declaration.description === undefined ? '' : `${declaration.description}\n\n`}For ${declaration.roles.join(', ')}; scope ${scopesOf(declaration).join(' and ')}.`,
      security: [{ apiKey: [] }],
      request: {
        ...(declaration.params === undefined ? {} : { params: declaration.params as z.ZodObject }),
        ...(declaration.query === undefined ? {} : { query: declaration.query as z.ZodObject }),
        ...(post ? { headers: z.object({ 'Idempotency-Key': key }) } : {}),
        ...(post && declaration.body !== undefined
          ? {
              body: {
                required: true,
                content: { [declaration.bodyType ?? 'application/json']: { schema: declaration.body } },
              },
            }
          : {}),
      },
      responses: {
        ...Object.fromEntries(own),
        400: problemResponse('The request is not valid.'),
        401: problemResponse('The API key is missing or not known.'),
        403: problemResponse('The call is for another role, or beyond the scopes of the key.'),
        ...(declaration.params === undefined ? {} : { 404: problemResponse('There is none, or it is not yours.') }),
        ...(post
          ? {
              409: problemResponse('Not possible now, or the key was used for something else.'),
              503: problemResponse('The outcome is not known yet: repeat with the same key.'),
            }
          : {}),
        405: problemResponse('The address has no such method.'),
        ...(post
          ? {
              413: problemResponse('The body is too large.'),
              415: problemResponse('The media type or its encoding is not supported.'),
            }
          : {}),
        429: problemResponse('Too many requests.'),
      },
    });
  }
  for (const [type, words] of Object.entries(EVENT_TYPES)) registry.registerWebhook(webhookOf(type, words));
  const document = new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: { title: 'Tranche', version: API_VERSION, description: INTRODUCTION, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } }, // prettier-ignore
    servers: [{ url: '/' }],
    'x-error-codes': Object.fromEntries(Object.entries(PROBLEMS).map(([code, { status, help }]) => [code, { status, help }])), // prettier-ignore
  });
  for (const { method, path, operationId } of routes) {
    const operation = document.paths?.[path]?.[method];
    if (operation !== undefined) showExample(operation as ShownOperation, path, EXAMPLES[operationId]);
  }
  return document;
}

/** In OpenAPI's own places: at its parameters and its body. */
function showExample(operation: ShownOperation, path: string, example: Example | undefined): void {
  const inPath = thingsOfPath(path);
  for (const parameter of operation.parameters ?? []) {
    const thing = parameter.in === 'path' ? inPath[parameter.name] : undefined;
    const value = parameter.in === 'query' ? example?.query?.[parameter.name] : thing && THINGS[thing];
    if (value !== undefined) parameter.example = value;
  }
  for (const content of Object.values(operation.requestBody?.content ?? {})) content.example = example?.body ?? {};
}

/** What an endpoint of an integrator gets; Standard Webhooks names the headers. */
function webhookOf(type: string, words: string): Parameters<OpenAPIRegistry['registerWebhook']>[0] {
  return {
    method: 'post',
    path: type,
    operationId: `on_${type.replaceAll('.', '_')}`,
    tags: ['Webhooks'],
    summary: words,
    security: [],
    request: {
      headers: z.object({
        'webhook-id': z.string().describe('The event’s id: the same at every try.'),
        'webhook-timestamp': z.string().describe('Seconds since 1970, of this try.'),
        'webhook-signature': z.string().describe('`v1,…`; two, separated by a space, while a secret is replaced.'),
      }),
      body: { required: true, content: { 'application/json': { schema: eventOfType(type) } } },
    },
    responses: {
      '2XX': { description: 'Taken. Anything else is tried again for about 75 hours.' },
      410: { description: 'Not wanted any more: the endpoint is disabled.' },
    },
  };
}

/** As it stands in docs/openapi.json. */
export const openApiText = (routes: readonly Route[]): string =>
  `${JSON.stringify(openApiDocument(routes), null, 2)}\n`;
