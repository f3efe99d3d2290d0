// Fills the database with escrows by SQL: copies of one that lives, each row as the product wrote it, under ids of its own.
import type { Bench } from './context.ts';

/** In the order of their references; which rows belong to escrow $1. */
const TABLES: readonly [table: string, mine: string][] = [
  ['escrows', 'id = $1'],
  ['escrow_terms', 'escrow_id = $1'],
  ['escrow_parties', 'escrow_id = $1'],
  ['milestones', 'escrow_id = $1'],
  ['escrow_events', 'escrow_id = $1'],
  ['movements', 'escrow_id = $1'],
  ['movement_attempts', 'movement_id IN (SELECT id FROM movements WHERE escrow_id = $1)'],
  ['charge_funds', 'escrow_id = $1'],
  [
    'balance_transactions',
    'id IN (SELECT stripe_balance_transaction_id FROM ledger_transactions WHERE escrow_id = $1)',
  ],
  ['ledger_transactions', 'escrow_id = $1'],
  ['ledger_entries', 'escrow_id = $1'],
  ['ledger_balances', 'account IN (SELECT account FROM ledger_entries WHERE escrow_id = $1)'],
];
/** Takes the place of the part of each id that tells copies apart. */
const PLACE = '~~~~~~~~';

/** Adds copies number `from` to `to` of the escrow. */
export async function fill({ owner }: Bench, escrowId: string, from: number, to: number): Promise<void> {
  for (const [table, mine] of TABLES) {
    const rows = await owner.unsafe<{ row: string }[]>(`SELECT to_jsonb(t)::text AS row FROM ${table} t WHERE ${mine}`, [escrowId]); // prettier-ignore
    const templates = rows.map(({ row }) => template(row)).filter((row) => row.includes(PLACE));
    // Checked when the product wrote them; copies of what balances balance.
    await owner.begin(async (tx) => {
      await tx.unsafe(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
      for (const row of templates) {
        await tx.unsafe(
          `INSERT INTO ${table} OVERRIDING SYSTEM VALUE
           SELECT (jsonb_populate_record(NULL::${table}, replace($1, '${PLACE}', lpad(to_hex(n), 8, '0'))::jsonb)).*
           FROM generate_series($2::int, $3::int) n`,
          [row, from, to],
        );
      }
      await tx.unsafe(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
    });
    await owner.unsafe(`VACUUM ANALYZE ${table}`);
  }
}

/** Ids of people stay; all others (`esc_…`, UUIDs, Stripe's) give up their last eight characters. */
function template(row: string): string {
  return row
    .replaceAll(/\b(?!usr_|acct_)([a-z]{2,4}_[0-9A-Za-z]{6,})[0-9A-Za-z]{8}\b/g, `$1${PLACE}`)
    .replaceAll(/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{4})[0-9a-f]{8}/g, `$1${PLACE}`);
}

/** The id of copy number `n`. */
export const copyOf = (escrowId: string, n: number): string => `${escrowId.slice(0, -8)}${n.toString(16).padStart(8, '0')}`; // prettier-ignore
