// Validates what tap.js kept of a whole test run: every answer that any suite received from the sandbox.
// `tsx test/oracles/recorded-traffic.ts DIRECTORY` prints the counts and each disagreement, and fails when there is one.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Exchange, JsonValue } from './record.ts';
import { describe, Validator } from './spec.ts';
import { readOpenApi } from './stripe-mock.ts';

type Kept = { method: string; path: string; status: number; text: string };
export type Traffic = { responses: number; distinct: number; problems: string[] };

/**
 * Statuses of a dispute that tests put there by the control API because the spec does not know them: how the product meets
 * a word that is newer than it.
 */
const NEWER_THAN_THE_SPEC = /"status":\s*"(pondered|appeal_needs_response|appeal_under_review)"/;

/** Answers that differ in ids, amounts and times alone are one: the spec asks about types, not about those. */
function shape({ method, path: url, status, text }: Kept): string {
  const plain = (one: string): string =>
    one.replaceAll(/[a-z]+_(?:[a-z]+_)?[A-Za-z0-9]{8,}/g, 'id').replaceAll(/\d+/g, '0');
  return `${method} ${plain(url)} ${status} ${plain(text)}`;
}

export async function validateTraffic(directory: string): Promise<Traffic> {
  const spec = await readOpenApi();
  const validator = spec === null ? null : new Validator(spec);
  const seen = new Set<string>();
  const problems = new Set<string>();
  let responses = 0;
  for (const name of readdirSync(directory).filter((one) => one.endsWith('.jsonl'))) {
    for (const line of readFileSync(path.join(directory, name), 'utf8').split('\n')) {
      if (line === '') continue;
      const kept = JSON.parse(line) as Kept;
      responses += 1;
      if (NEWER_THAN_THE_SPEC.test(kept.text)) continue;
      const key = shape(kept);
      if (seen.has(key)) continue;
      seen.add(key);
      for (const problem of validator?.validate(exchangeOf(kept)) ?? []) problems.add(describe(problem));
    }
  }
  return { responses, distinct: seen.size, problems: [...problems] };
}

function exchangeOf({ text, ...kept }: Kept): Exchange {
  let body: JsonValue = null;
  try {
    body = JSON.parse(text) as JsonValue;
  } catch {
    // Not JSON: the validator says so.
  }
  return { ...kept, query: '', requestHeaders: {}, requestBody: '', headers: {}, body };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { problems, ...figures } = await validateTraffic(process.argv[2] ?? '.');
  for (const problem of problems) console.log(problem);
  console.log(JSON.stringify({ ok: problems.length === 0, ...figures, problems: problems.length }));
  if (problems.length > 0) process.exitCode = 1;
}
