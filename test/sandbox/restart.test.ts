// The journal: what was answered survives kill -9, a torn last line and compaction; the process itself starts quickly.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { Journal } from '../../sandbox/stripe/journal.ts';
import { StripeMachine } from '../../sandbox/stripe/core/machine.ts';
import { CARD_ONLY, amounts, client, openSandbox } from './harness.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stripe-sandbox-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function startProcess(): Promise<{ child: ChildProcess; port: number; ms: number }> {
  const began = Date.now();
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'sandbox/stripe/main.ts', '--port', '0', '--data', directory],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the sandbox ended with ${String(code)}`)));
    child.stdout?.once('data', (chunk: Buffer) => {
      const found = /ready on http:\/\/127\.0\.0\.1:(\d+)/.exec(chunk.toString());
      if (found) resolve(Number(found[1]));
      else reject(new Error(`unexpected first line: ${chunk.toString()}`));
    });
  });
  return { child, port, ms: Date.now() - began };
}

async function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}

test('kill -9 loses nothing that was answered; the same key still replays; SIGTERM ends it cleanly', async () => {
  const first = await startProcess();
  const stripe = client(first.port);
  const create = { amount: 5000, currency: 'usd', confirm: true, payment_method: 'pm_card_visa', ...CARD_ONLY };
  const paid = await stripe.paymentIntents.create(create, { idempotencyKey: 'pay-1' });
  await stripe.topups.create({ amount: 700, currency: 'usd' });
  await fetch(`http://127.0.0.1:${first.port}/_sandbox/clock`, { method: 'POST', body: '{"advance":"P5D"}' });
  const before = await amounts(stripe);
  const gone = ended(first.child);
  first.child.kill('SIGKILL');
  await gone;

  const second = await startProcess();
  const again = client(second.port);
  expect(await amounts(again)).toEqual(before);
  expect((await again.paymentIntents.retrieve(paid.id)).status).toBe('succeeded');
  const state = (await (await fetch(`http://127.0.0.1:${second.port}/_sandbox/state`)).json()) as { offset_ms: number };
  expect(state.offset_ms).toBe(5 * 86_400_000);
  const fresh = await again.paymentIntents.create(create, { idempotencyKey: 'pay-1' });
  expect(fresh.id).not.toBe(paid.id);
  const replayed = await again.paymentIntents.create(create, { idempotencyKey: 'pay-1' });
  expect(replayed.id).toBe(fresh.id);
  const clean = ended(second.child);
  second.child.kill('SIGTERM');
  expect(await clean).toBe(0);
});

test('a line torn by a crash is dropped, and what follows is kept', async () => {
  const one = await openSandbox({ dataDir: directory });
  await one.stripe.topups.create({ amount: 700, currency: 'usd' });
  await one.close();
  const [name] = readdirSync(directory).filter((file) => file.startsWith('journal-'));
  appendFileSync(join(directory, name ?? ''), '[["topup","tu_torn",{"id":"tu_to');
  const two = await openSandbox({ dataDir: directory });
  await two.stripe.topups.create({ amount: 300, currency: 'usd' });
  await two.close();
  const three = await openSandbox({ dataDir: directory });
  expect((await three.stripe.topups.list()).data.map((topup) => topup.amount)).toEqual([300, 700]);
  await three.close();
});

test('compaction keeps the state to the last record', () => {
  const machine = new StripeMachine({ seed: 3 });
  const journal = new Journal(directory);
  journal.load();
  const now = Date.UTC(2026, 0, 5);
  journal.append(machine.begin(now).changes);
  const padding = 'x'.repeat(400);
  for (let i = 0; readdirSync(directory).length < 2; i += 1) {
    const answer = machine.handle(
      {
        method: 'POST',
        path: '/v1/topups',
        params: { amount: '100', currency: 'usd', metadata: { a: padding, b: padding, c: padding } },
        idempotencyKey: `k${i}`,
      },
      now + i * 1000,
    );
    expect(answer.status).toBe(200);
    journal.append(answer.changes);
    journal.compactIfLarge(machine.world.store);
  }
  journal.close();
  const loaded = new StripeMachine({ seed: 99 });
  loaded.begin(now, new Journal(directory).load());
  const sorted = (from: StripeMachine): string[] =>
    [...from.world.store.snapshot()].map((row) => JSON.stringify(row)).sort();
  const [kept, had] = [sorted(loaded), sorted(machine)];
  expect(kept.length).toBe(had.length);
  expect(kept.filter((row) => !row.includes('"table":"meta"'))).toEqual(
    had.filter((row) => !row.includes('"table":"meta"')),
  );
});
