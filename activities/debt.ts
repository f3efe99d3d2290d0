// Reminding a seller of a debt, and proposing to write it off.
import type { Tx } from '../db/client.ts';
import { type DebtStatus, remindOfDebt } from '../db/debts.ts';
import type { ActivityDeps } from './stripe-call.ts';

export interface DebtActivities {
  /** Once per number. Answers how the debt stands; null: there is no such debt. */
  remindOfDebt(debtId: string, number: number): Promise<{ status: DebtStatus; proposed: boolean } | null>;
}

export function debtActivities({ sql }: ActivityDeps): DebtActivities {
  return {
    remindOfDebt: async (debtId, number) => {
      const debt = await sql.begin((tx) => remindOfDebt(tx as Tx, debtId, number));
      return debt === null ? null : { status: debt.status, proposed: debt.write_off_proposed_at !== null };
    },
  };
}
