// The demo's hands: the public API as one person, and the sandbox's control API. Nothing else is touched.
import { randomUUID } from 'node:crypto';

export interface MoneyView {
  amount: number;
  currency: string;
}

export interface MilestoneView {
  id: string;
  status: string;
  amount: MoneyView;
  released: MoneyView;
  refunded: MoneyView;
}

export const MONEY_NAMES = ['charged', 'owed', 'absorbed', 'held', 'released', 'refunded', 'charged_back', 'fees', 'tax', 'disputed'] as const; // prettier-ignore
export type MoneyName = (typeof MONEY_NAMES)[number];

/** As much of an escrow as the demo reads. */
export interface EscrowView {
  id: string;
  status: string;
  currency: string;
  settlement_currency: string | null;
  terms_hash: string;
  frozen: string[];
  workflow_id: string;
  milestones: MilestoneView[];
  money: Record<MoneyName, MoneyView>;
}

export interface MovementView {
  id: string;
  status: string;
  amount: MoneyView;
  settled: MoneyView | null;
  error: { code: string | null; message: string | null } | null;
}

export interface PaymentAnswer {
  payment: { status: string; client_secret: string | null; url: string | null };
  escrow: EscrowView;
}

/** What the API answers when it says no. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const CALL_TIMEOUT_MS = 15_000;
const ATTEMPTS = 5;

export class ApiClient {
  protected baseUrl: string;
  private readonly apiKey: string;

  constructor(baseUrl: string, apiKey: string) {
    this.baseUrl = baseUrl;
    this.apiKey = apiKey;
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>('GET', path);
  }

  /** A POST whose outcome is not known is repeated with its own key, which makes it one command. */
  async post<T>(path: string, body: object = {}): Promise<T> {
    const key = randomUUID();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.call<T>('POST', path, body, key);
      } catch (error) {
        const unknown = !(error instanceof ApiError) || error.status === 503 || error.code === 'idempotency_running';
        if (!unknown || attempt >= ATTEMPTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500 * attempt));
      }
    }
  }

  protected async call<T>(method: string, path: string, body?: object, key?: string): Promise<T> {
    const response = await fetch(`${this.baseUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text) as T;
    throw problem(response.status, text, `${method} ${path}`);
  }
}

function problem(status: number, text: string, call: string): ApiError {
  let code = 'unknown';
  let detail = text.slice(0, 200);
  try {
    const parsed = JSON.parse(text) as { code?: string; detail?: string; title?: string };
    code = parsed.code ?? code;
    detail = parsed.detail ?? parsed.title ?? detail;
  } catch {
    // Not a problem document: its text has to do.
  }
  return new ApiError(status, code, `${call}: ${status} ${code}: ${detail}`);
}

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
