// Watches for buyers and sellers who may be one: what sellers are paid to is read again, both sides are compared, and the
// escrows of a match are told, which freeze that seller's part until ops have looked.
import type { Sql } from '../db/client.ts';
import { findRisks, noteExternalAccounts, riskTold, sellersToRead } from '../db/risks.ts';
import { PaymentsError } from '../payments/errors.ts';
import type { Payments } from '../payments/port.ts';
import type { EscrowSignals } from './handlers/context.ts';

/** Read in one sweep; the others follow in the next one. */
const AT_ONCE = 50;

/** Answers how many matches were told. */
export async function watchRisks(
  sql: Sql,
  stripe: Pick<Payments, 'externalAccounts'>,
  signals: Pick<EscrowSignals, 'risk'>,
): Promise<number> {
  for (const { id, account } of await sellersToRead(sql, AT_ONCE)) await readExternalAccounts(sql, stripe, id, account);
  return tellRisks(sql, signals);
}

export async function readExternalAccounts(
  sql: Sql,
  stripe: Pick<Payments, 'externalAccounts'>,
  sellerId: string,
  account: string,
): Promise<void> {
  await noteExternalAccounts(sql, sellerId, await stripe.externalAccounts(account).catch(orNone));
}

/** An account that cannot be read any more is paid to nowhere. */
function orNone(error: unknown): string[] {
  if (error instanceof PaymentsError && error.kind === 'refused') return [];
  throw error;
}

/** Compares every escrow that is under way, and tells each of what was found. */
export async function tellRisks(sql: Sql, signals: Pick<EscrowSignals, 'risk'>): Promise<number> {
  const untold = await sql.begin((tx) => findRisks(tx));
  for (const risk of untold) {
    // Of an escrow that has ended there is nothing left to freeze; its alert stands.
    await signals.risk(risk.escrowId, { sellerId: risk.sellerId, key: risk.key });
    await riskTold(sql, risk);
  }
  return untold.length;
}
