// One call of the API: its tries, the pauses between them, and what it throws. Knows nothing of any operation.
import type { ErrorCode, Problem } from './generated.ts';

export interface ClientOptions {
  /** Of the installation, such as https://pay.example.com. */
  baseUrl: string;
  /** `sk_tranche_…`; its scopes say what may be called. */
  apiKey: string;
  /** How often a call is repeated whose outcome is not known, or that came too early. 4 unless said otherwise. */
  maxRetries?: number;
  /** Of each try. 30,000 ms unless said otherwise. */
  timeoutMs?: number;
  /** A longer pause than this is not waited for: the error says how long it is. 60,000 ms unless said otherwise. */
  maxPauseMs?: number;
  /** Instead of the global one, for proxies and tests. */
  fetch?: typeof fetch;
}

export interface CallOptions {
  /** Of a command (POST): your own, such as the id of your order; a random one without it. Every repetition carries it. */
  idempotencyKey?: string;
  /** Ends the call and its repetitions. */
  signal?: AbortSignal;
}

export interface Request {
  method: string;
  /** With its ids filled in, and its query. */
  path: string;
  body?: object | undefined;
  multipart?: boolean | undefined;
}

/** The API's own answer that it was not done; `/docs/errors` says what to do about each code. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;
  /** Stable. `unknown` where something before the API answered, such as a proxy. */
  readonly code: ErrorCode | 'unknown';
  /** The whole problem document (RFC 9457). */
  readonly problem: Problem;
  /** The input at fault, such as `milestones[1].amount`. */
  readonly param: string | undefined;
  /** Names this answer in the logs of the installation. */
  readonly requestId: string | undefined;
  /** Of the command: a later repetition carries it. */
  readonly idempotencyKey: string | undefined;
  /** What the answer asks to wait before it is repeated, ms. */
  readonly retryAfterMs: number | undefined;

  constructor(call: string, problem: Problem, more: { key?: string | undefined; retryAfterMs?: number | undefined }) {
    super(`${call}: ${problem.status} ${problem.code}: ${problem.detail}`);
    this.status = problem.status;
    this.code = problem.code as ErrorCode | 'unknown';
    this.problem = problem;
    this.param = problem.param;
    this.requestId = problem.request_id;
    this.idempotencyKey = more.key;
    this.retryAfterMs = more.retryAfterMs;
  }
}

/** No answer came, at any try. A command may have been done: repeat it with this key, then it is done once. */
export class NoAnswerError extends Error {
  override name = 'NoAnswerError';
  readonly idempotencyKey: string | undefined;

  constructor(call: string, key: string | undefined, cause: unknown) {
    super(`${call}: no answer (${cause instanceof Error ? cause.message : String(cause)})`, { cause });
    this.idempotencyKey = key;
  }
}

const FIRST_PAUSE_MS = 500;
const LONGEST_OWN_PAUSE_MS = 8_000;

/** Sends it until it has an outcome. `read` takes the answer of a 2xx; where it breaks off, that is no answer. */
export async function request<T>(
  options: ClientOptions,
  call: Request,
  read: (response: Response) => Promise<T>,
  own: CallOptions = {},
): Promise<T> {
  const { maxRetries = 4, maxPauseMs = 60_000 } = options;
  const key = call.method === 'POST' ? (own.idempotencyKey ?? crypto.randomUUID()) : undefined;
  for (let attempt = 0; ; attempt += 1) {
    const { failure, answer } = await tried(options, call, read, own.signal, key);
    if (failure === undefined) return answer;
    own.signal?.throwIfAborted();
    const pauseMs = retryAfterOf(failure) ?? ownPause(attempt);
    if (!isWorthRepeating(failure) || attempt >= maxRetries || pauseMs > maxPauseMs) throw failure;
    await pause(pauseMs, own.signal);
  }
}

type Tried<T> = { failure: ApiError | NoAnswerError; answer?: never } | { failure?: never; answer: T };

async function tried<T>(
  { baseUrl, apiKey, timeoutMs = 30_000, fetch: send = fetch }: ClientOptions,
  call: Request,
  read: (response: Response) => Promise<T>,
  signal: AbortSignal | undefined,
  key: string | undefined,
): Promise<Tried<T>> {
  const name = `${call.method} ${call.path.split('?')[0]}`;
  const timeout = AbortSignal.timeout(timeoutMs);
  const json = call.body !== undefined && call.multipart !== true;
  try {
    const response = await send(`${baseUrl.replace(/\/$/, '')}${call.path}`, {
      method: call.method,
      // An API has no redirects: what answers one is not it.
      redirect: 'error',
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(json ? { 'content-type': 'application/json' } : {}),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(call.body === undefined ? {} : { body: json ? JSON.stringify(call.body) : formOf(call.body) }),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    if (response.ok) return { answer: await read(response) };
    const problem = problemOf(response, await response.text());
    const retryAfterMs = retryAfter(response.headers.get('retry-after'));
    return { failure: new ApiError(name, problem, { key, retryAfterMs }) };
  } catch (error) {
    return { failure: new NoAnswerError(name, key, error) };
  }
}

function formOf(body: object): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(body) as [string, string | Blob | undefined][]) {
    // In two, for the types: a file, or a field.
    if (value instanceof Blob) form.set(name, value);
    else if (value !== undefined) form.set(name, value);
  }
  return form;
}

function problemOf({ status, statusText }: Response, text: string): Problem {
  try {
    const parsed = JSON.parse(text) as Partial<Problem> | null;
    if (typeof parsed?.code === 'string') return { type: 'about:blank', title: parsed.code, detail: '', ...parsed, status } as Problem; // prettier-ignore
  } catch {
    // Not a problem document: its text has to do.
  }
  return { type: 'about:blank', title: statusText, status, code: 'unknown', detail: text.slice(0, 200) };
}

/** Seconds or a date, as ms from now. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

const retryAfterOf = (error: ApiError | NoAnswerError) => (error instanceof ApiError ? error.retryAfterMs : undefined);

/** Doubles, and is never the same for two callers who were refused at the same time. */
const ownPause = (attempt: number): number =>
  Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_OWN_PAUSE_MS) * (0.5 + Math.random() / 2);

/** Its outcome is not known, or it came too early. What was refused is refused again. */
function isWorthRepeating(error: ApiError | NoAnswerError): boolean {
  if (error instanceof NoAnswerError) return true;
  switch (error.code) {
    case 'idempotency_running':
    case 'payments_unavailable':
      return true;
    case 'fund_cancel_limit':
    case 'command_failed':
      return false;
    default:
      return [429, 502, 503, 504].includes(error.status);
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (): void => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', ended);
      resolve();
    }, ms);
    signal?.addEventListener('abort', ended, { once: true });
  });
}
