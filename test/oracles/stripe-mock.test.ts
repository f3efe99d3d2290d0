// Oracle: stripe-mock as a differential. The same requests go to both: what Stripe's own validator refuses, the sandbox
// refuses; what the sandbox accepts in the scripted run, stripe-mock accepts.
import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { ROUTES } from '../../sandbox/stripe/core/routes.ts';
import { startStripeSandbox } from '../../sandbox/stripe/server.ts';
import type { StripeSandbox } from '../../sandbox/stripe/server.ts';
import { API_KEY, record } from './client.ts';
import { refusesToo, wrongRequests } from './differential.ts';
import type { Answer, Wrong } from './differential.ts';
import { report } from './figures.ts';
import type { JsonRecord, JsonValue } from './record.ts';
import { runScenario } from './scenario.ts';
import { readOpenApi, startStripeMock } from './stripe-mock.ts';
import type { StripeMock } from './stripe-mock.ts';

let sandbox: StripeSandbox;
let mock: StripeMock | null = null;
let spec: JsonRecord | null = null;
const figures = { routes: 0, wrong: 0, refused_by_both: 0, let_pass_by_stripe_mock: 0, right: 0, right_accepted: 0 };

beforeAll(async () => {
  sandbox = await startStripeSandbox({ port: 0 });
  mock = await startStripeMock();
  spec = (await readOpenApi()) as JsonRecord | null;
  // The first start may have to build stripe-mock.
}, 300_000);
afterAll(async () => {
  await mock?.close();
  await sandbox.close();
  report('stripe-mock', figures);
});

async function send(base: string, method: string, path: string, form: string, multipart?: string): Promise<Answer> {
  const post = method === 'POST';
  const answer = await fetch(`${base}${path}${post || form === '' ? '' : `?${form}`}`, {
    method,
    headers: {
      authorization: `Bearer ${API_KEY}`,
      ...(post ? { 'content-type': multipart ?? 'application/x-www-form-urlencoded' } : {}),
    },
    ...(post ? { body: form } : {}),
  });
  const body = record((await answer.json()) as JsonValue);
  return { status: answer.status, error: record(body['error']) };
}

/** The templates of the spec that the sandbox has, by their shape. */
function shared(document: JsonRecord): { method: string; template: string }[] {
  const shape = (path: string): string => path.replaceAll(/:\w+|\{[^}]+\}/g, '*');
  const templates = Object.keys(record(document['paths']));
  return ROUTES.flatMap(({ method, path }) => {
    const template = templates.find((one) => shape(one) === shape(path));
    const known = template !== undefined && record(record(document['paths'])[template])[method.toLowerCase()];
    return template !== undefined && known ? [{ method, template }] : [];
  });
}

test('what stripe-mock refuses, the sandbox refuses, naming the same parameter', async () => {
  if (!mock || !spec) return;
  const document = spec;
  const stripeMock = mock;
  // A file comes as multipart, which the recorded run sends.
  const routes = shared(document).filter(({ method, template }) => `${method} ${template}` !== 'POST /v1/files');
  figures.routes = routes.length;
  expect(routes.length).toBeGreaterThan(70);
  const requests = routes.flatMap(({ method, template }) => wrongRequests(document, method, template));
  const compare = async (one: Wrong): Promise<string[]> => {
    const [theirs, ours] = await Promise.all([
      send(stripeMock.url, one.method, one.path, one.form),
      send(sandbox.url, one.method, one.path, one.form),
    ]);
    figures.wrong += 1;
    if (theirs.status < 400) {
      figures.let_pass_by_stripe_mock += 1;
      return [];
    }
    if (refusesToo(one, ours)) {
      figures.refused_by_both += 1;
      return [];
    }
    const answer = `${ours.status} ${JSON.stringify(ours.error)}`;
    return [`${one.route}: ${one.flaw} ${one.param} (${decodeURIComponent(one.form)}): the sandbox answers ${answer}`];
  };
  const differences: string[] = [];
  for (let i = 0; i < requests.length; i += 8) {
    differences.push(...(await Promise.all(requests.slice(i, i + 8).map(compare))).flat());
  }
  expect(differences).toEqual([]);
  // A differential in which the other side refuses little would prove little.
  expect(figures.refused_by_both).toBeGreaterThan(400);
}, 400_000);

test('what the sandbox accepts in the scripted run, stripe-mock accepts', async () => {
  if (!mock || !spec) return;
  const stripeMock = mock;
  const patterns = shared(spec).map(({ method, template }) => {
    return new RegExp(`^${method} ${template.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`);
  });
  const { exchanges } = await runScenario();
  const right = exchanges.filter(({ method, path, status }) => {
    // The spec knows a bank account by its token alone; the SDK's types and Stripe's documentation take a dictionary.
    if (method === 'POST' && path.endsWith('/external_accounts')) return false;
    return status === 200 && patterns.some((pattern) => pattern.test(`${method} ${path}`));
  });
  const refused: string[] = [];
  for (const { method, path, query, requestBody, requestHeaders } of right) {
    const form = method === 'POST' ? requestBody : query;
    const theirs = await send(stripeMock.url, method, path, form, requestHeaders['content-type']);
    figures.right += 1;
    if (theirs.status === 200) figures.right_accepted += 1;
    else
      refused.push(`${method} ${path} ${decodeURIComponent(form)}: ${theirs.status} ${JSON.stringify(theirs.error)}`);
  }
  expect(refused).toEqual([]);
}, 400_000);
