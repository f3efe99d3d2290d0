// What the demo's world does beside the API: the Stripe sandbox plays the banks.
const CALL_TIMEOUT_MS = 15_000;

/** `POST /_sandbox/…` on the Stripe sandbox. */
export async function sandboxControl(sandboxUrl: string, path: string, body: object): Promise<void> {
  const response = await fetch(`${sandboxUrl}/_sandbox/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`sandbox ${path}: ${response.status} ${await response.text()}`);
}

/** What of a connected account's balance at the sandbox is not available yet, minor units. */
export async function pendingAt(sandboxUrl: string, account: string, currency: string): Promise<number> {
  const response = await fetch(`${sandboxUrl}/_sandbox/state`, { signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
  const { balances } = (await response.json()) as { balances: Record<string, Record<string, { pending: number }>> };
  return balances[account]?.[currency]?.pending ?? 0;
}
