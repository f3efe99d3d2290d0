// The whole API against its own OpenAPI document, by schemathesis: thousands of requests, right ones and wrong ones; no answer of
// 500, none that the document does not name, none of another shape. The same requests at every run.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openApiDocument } from '../../api/openapi.ts';
import { ROUTES } from '../../api/routes/index.ts';
import { startWorld, type World } from '../stack/world.ts';
import { check, schemathesis } from './schemathesis.ts';

let world: World;
let interpreter: string | null;
const directory = mkdtempSync(path.join(tmpdir(), 'tranche-schemathesis-'));

/** Stands before the API and counts what it answers. */
const answers = new Map<number, number>();
/** Answers of 500, and those that the document does not name for their call. */
const undocumented = new Set<string>();
const documented = Object.entries(openApiDocument(ROUTES).paths ?? {}).flatMap(([template, item]) =>
  Object.entries(item as Record<string, { responses?: object }>).map(([method, operation]) => ({
    call: `${method.toUpperCase()} ${template}`,
    shape: new RegExp(`^${method} ${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`, 'i'),
    statuses: Object.keys(operation.responses ?? {}),
  })),
);

function look(method: string, url: string, status: number): void {
  const { pathname } = new URL(url, 'http://127.0.0.1');
  const known = documented.filter(({ shape }) => shape.test(`${method} ${pathname}`));
  if (status === 500) undocumented.add(`${method} ${pathname}: 500`);
  if (known.length > 0 && !known.some(({ statuses }) => statuses.includes(String(status)))) {
    undocumented.add(`${known[0]!.call}: ${status}`);
  }
}
const counter = createServer((incoming, outgoing) => {
  const { method, headers, url } = incoming;
  const onward = forward(`${world.url}${url}`, { method, headers, agent: false }, (answer) => {
    const status = answer.statusCode ?? 0;
    answers.set(status, (answers.get(status) ?? 0) + 1);
    look(method ?? '', url ?? '', status);
    outgoing.writeHead(status, answer.headers);
    answer.pipe(outgoing);
  });
  onward.once('error', () => outgoing.destroy());
  incoming.pipe(onward);
});

beforeAll(async () => {
  interpreter = await schemathesis();
  if (interpreter === null) return;
  world = await startWorld();
  await new Promise<void>((resolve) => counter.listen(0, '127.0.0.1', resolve));
}, 600_000);
afterAll(async () => {
  await new Promise((resolve) => counter.close(resolve).closeAllConnections());
  await world?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const CHECKS = [
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'ignored_auth',
  'unsupported_method',
];

test('2,000 requests and more: no 500, nothing that the document does not name', async () => {
  if (interpreter === null) return;
  const url = `http://127.0.0.1:${(counter.address() as AddressInfo).port}`;
  const started = Date.now();
  const { ok, said } = await check(interpreter, [
    `${url}/openapi.json`, '--phases', 'coverage,fuzzing', '--max-examples', '3', '--seed', '20261121', '--generation-deterministic',
    '--no-shrink', '--checks', CHECKS.join(','), '--continue-on-failure', '--no-color', '--warnings', 'off',
    '-H', `Authorization: Bearer ${world.people.ops.apiKey}`, '--request-timeout', '60', '--suppress-health-check', 'all', '--workers', '1',
  ], directory); // prettier-ignore
  const total = [...answers.values()].reduce((sum, n) => sum + n, 0);
  process.stderr.write(
    `schemathesis: ${JSON.stringify({ requests: total, routes: ROUTES.length, seconds: Math.round((Date.now() - started) / 1000), answers: Object.fromEntries([...answers].sort(([a], [b]) => a - b)) })}\n`,
  );
  expect([...undocumented]).toEqual([]);
  if (!ok) throw new Error(said.slice(-30_000));
  expect(total).toBeGreaterThanOrEqual(2000);
}, 900_000);
