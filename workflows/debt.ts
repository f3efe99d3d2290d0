// A seller's debt while it is open: its seller is reminded each month; at 90 days ops are asked to write it off, which two of
// them decide. The money itself moves elsewhere: netted by releases, repaid or written off in the database.
import { condition, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { Activities } from '../activities/contract.ts';
import type { DebtInput } from './debt-messages.ts';

const books = proxyActivities<Activities>({
  startToCloseTimeout: '5s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
  summary: 'remind the seller',
});

const MONTH_MS = 30 * 86_400_000;

/** Ends when the debt has; answers how. A month late is early enough: nothing waits for it. */
export async function debt({ debtId, remindEveryMs = MONTH_MS }: DebtInput): Promise<string> {
  for (let number = 1; ; number += 1) {
    await condition(() => false, remindEveryMs, { summary: `reminder ${number}` });
    const now = await books.remindOfDebt(debtId, number);
    if (now === null || now.status !== 'open') return now?.status ?? 'unknown';
    setCurrentDetails(now.proposed ? 'Open; **a write-off is proposed**: two of ops decide.' : `Open; reminded ${number} times.`); // prettier-ignore
  }
}
