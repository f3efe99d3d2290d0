// `tsx cli/seed.ts`: made-up people with known passwords and API keys in DATA_DIR/people.json, sellers who can receive
// transfers, and the platform's float. Never against live Stripe. Safe to repeat: what is there stays.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { loadSettings, requireInstallation, type Settings, SettingsError } from '../config/settings.ts';
import { connect, type Sql } from '../db/client.ts';
import { newId } from '../db/ids.ts';
import { post } from '../db/ledger.ts';
import { createApiKey, findByKey } from '../db/api-keys.ts';
import { createPerson, findPersonByEmail, setPassword, verifyPassword } from '../db/people.ts';
import { findSeller, insertSeller, updateSellerCapability } from '../db/sellers.ts';
import type { Role } from '../domain/escrow-state.ts';
import { toppedUp } from '../domain/postings.ts';
import type { Payments } from '../payments/port.ts';
import { stripePayments } from '../payments/stripe.ts';

const PEOPLE = {
  buyer: { role: 'buyer', name: 'Ben Buyer' },
  seller: { role: 'seller', name: 'Ana Seller' },
  seller2: { role: 'seller', name: 'Sam Seller' },
  seller3: { role: 'seller', name: 'Sol Seller' },
  ops: { role: 'ops', name: 'Olga Ops' },
  ops2: { role: 'ops', name: 'Omar Ops' },
  auditor: { role: 'auditor', name: 'Ada Auditor' },
} as const satisfies Record<string, { role: Role; name: string }>;
type SeededName = keyof typeof PEOPLE;

const seededSchema = z.object({ id: z.string(), email: z.string(), password: z.string(), api_key: z.string() });
const fileSchema = z.record(z.string(), seededSchema);
export type Seeded = z.infer<typeof seededSchema>;

/** Enough for the fees and first refunds of many demos; minor units. */
const FLOAT_MINOR: Record<string, bigint> = { usd: 1_000_000n, eur: 1_000_000n, gbp: 1_000_000n, jpy: 1_000_000n };

export interface SeedParts {
  sql: Sql;
  payments: Payments;
  settings: Settings;
}

export async function seed(parts: SeedParts): Promise<Record<SeededName, Seeded>> {
  if (parts.settings.mode === 'live') throw new SettingsError('made-up people are never seeded with a live STRIPE_SECRET_KEY'); // prettier-ignore
  const file = path.join(parts.settings.dataDir, 'people.json');
  const before = readPeople(file);
  const names = Object.keys(PEOPLE) as SeededName[];
  // The file first: what it says is known is then made true, and an interrupted seed finds its own passwords again.
  const wanted = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await plan(parts.sql, name, before[name])] as const)),
  ) as Record<SeededName, Seeded>;
  writePeople(file, wanted);
  for (const name of names) await ensurePerson(parts, name, wanted[name]);
  for (const [currency, amountMinor] of Object.entries(FLOAT_MINOR)) await ensureFloat(parts, currency, amountMinor);
  await ensureManualPayouts(parts);
  return wanted;
}

function readPeople(file: string): Record<string, Seeded> {
  if (!existsSync(file)) return {};
  const parsed = fileSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  return parsed.success ? parsed.data : {};
}

function writePeople(file: string, people: Record<string, Seeded>): void {
  mkdirSync(path.dirname(file), { recursive: true });
  // In whole or not at all; it holds passwords.
  writeFileSync(`${file}.new`, `${JSON.stringify(people, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

async function plan(sql: Sql, name: SeededName, before: Seeded | undefined): Promise<Seeded> {
  const email = `${name}@example.test`;
  const known = await findPersonByEmail(sql, email);
  return {
    id: known?.id ?? before?.id ?? newId('person'),
    email,
    password: before?.password ?? randomBytes(9).toString('base64url'),
    api_key: before?.api_key ?? `sk_tranche_${randomBytes(32).toString('base64url')}`,
  };
}

async function ensurePerson(parts: SeedParts, name: SeededName, seeded: Seeded): Promise<void> {
  const { sql } = parts;
  const { id, email, password } = seeded;
  const { role, name: fullName } = PEOPLE[name];
  const created = await createPerson(sql, { id, email, name: fullName, role, password });
  if (created === null && (await verifyPassword(sql, email, password)) === null) await setPassword(sql, id, password);
  if ((await findByKey(sql, seeded.api_key)) === null) {
    await createApiKey(sql, id, { label: 'seeded', key: seeded.api_key });
  }
  if (role === 'seller') await ensureSeller(parts, seeded, fullName);
}

const COUNTRY = 'US';

async function ensureSeller(
  { sql, payments, settings }: SeedParts,
  { id, email }: Seeded,
  name: string,
): Promise<void> {
  const known = await findSeller(sql, id);
  if (known?.transfers === 'active') return;
  const accountId =
    known?.stripeAccountId ??
    (await payments.createSellerAccount({ email, country: COUNTRY, sellerId: id, name }, `${id}:account:0`)).id;
  if (known === null) {
    await insertSeller(sql, {
      id,
      stripeAccountId: accountId,
      country: COUNTRY,
      transfers: 'inactive',
      requirements: [],
    });
  }
  // Stripe's own test mode wants its onboarding form; the sandbox has a switch.
  if (settings.sandbox && settings.stripe.apiBase !== undefined)
    await openTransfers(settings.stripe.apiBase, accountId);
  const account = await payments.retrieveAccount(accountId);
  await updateSellerCapability(sql, id, account.transfers, account.requirements);
}

async function openTransfers(sandboxUrl: string, accountId: string): Promise<void> {
  const answer = await fetch(`${sandboxUrl}/_sandbox/accounts/${accountId}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ transfers: 'active' }),
  });
  if (!answer.ok) throw new Error(`the Stripe sandbox refused to open transfers of ${accountId}: ${answer.status}`);
}

/** Money that is held for others must not leave by the platform's own payouts. */
async function ensureManualPayouts({ payments }: SeedParts): Promise<void> {
  const { interval } = await payments.balanceSettings();
  if (interval !== 'manual') await payments.stopPlatformPayouts(`seed:payouts:${Date.now()}`);
}

/** Once per currency: Stripe's key and the ledger's both name the currency's first float. */
async function ensureFloat({ sql, payments }: SeedParts, currency: string, amountMinor: bigint): Promise<void> {
  const posted = await sql`
    SELECT FROM ledger_transactions WHERE kind = 'top_up' AND cause ->> 'float' = ${currency}`;
  if (posted.length > 0) return;
  const topUp = await payments.createTopUp(amountMinor, currency, `float:${currency}:0`);
  const bt = topUp.balanceTransaction;
  // In Stripe's own test mode it settles later, and the pump posts it then.
  if (bt === null) return;
  await sql.begin(async (tx) => {
    await tx`
      INSERT INTO balance_transactions (id, type, source_id, amount, fee, net, currency, status, available_on, created_at)
      VALUES (${bt.id}, ${bt.type}, ${bt.sourceId ?? topUp.id}, ${bt.amountMinor}, ${bt.feeMinor}, ${bt.netMinor}, ${bt.currency},
              ${bt.status}, ${new Date(bt.availableOn)}, ${new Date(bt.createdAt)})
      ON CONFLICT (id) DO NOTHING`;
    await post(tx, {
      key: `topup:${topUp.id}`,
      kind: 'top_up',
      currency: bt.currency,
      legs: toppedUp(bt),
      balanceTransactionId: bt.id,
      cause: { top_up: topUp.id, float: currency },
    });
  });
}

async function main(): Promise<void> {
  const settings = loadSettings();
  requireInstallation(settings, ['postgres', 'stripe']);
  const sql = connect(settings.databaseUrl, { applicationName: 'tranche-seed', max: 4 });
  try {
    const people = await seed({ sql, payments: stripePayments(settings.stripe), settings });
    console.log(`Seeded ${Object.keys(people).join(', ')}: see ${path.join(settings.dataDir, 'people.json')}.`);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
