// The public API as a person calls it who does not give up: every call whose outcome is unknown is repeated, a POST with
// its own Idempotency-Key, at another process of the API each time.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiClient, ApiError } from '../demo/client.ts';

export interface Patience {
  /** Until when calls are repeated, as wall time. */
  until(): number;
  /** A call came back without an outcome and is made again. */
  repeated(): void;
}

const LONGEST_PAUSE_MS = 2000;

export class PatientClient extends ApiClient {
  private readonly baseUrls: readonly string[];
  private readonly patience: Patience;
  private turn = 0;

  constructor(baseUrls: readonly string[], apiKey: string, patience: Patience) {
    super(baseUrls[0]!, apiKey);
    this.baseUrls = baseUrls;
    this.patience = patience;
  }

  override get<T>(path: string): Promise<T> {
    return this.insist(() => this.call<T>('GET', path));
  }

  override post<T>(path: string, body: object = {}): Promise<T> {
    const key = randomUUID();
    return this.insist(() => this.call<T>('POST', path, body, key));
  }

  private async insist<T>(call: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      this.turn += 1;
      this.baseUrl = this.baseUrls[this.turn % this.baseUrls.length]!;
      try {
        return await call();
      } catch (error) {
        if (!isUnknown(error) || Date.now() > this.patience.until()) throw error;
      }
      this.patience.repeated();
      await delay(Math.min(200 * attempt, LONGEST_PAUSE_MS));
    }
  }
}

/** No answer, or one that says that the outcome is not known. */
function isUnknown(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status >= 500 || error.code === 'idempotency_running';
}
