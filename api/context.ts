// What every route gets: the parts that main put together, and who calls.
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Settings } from '../config/settings.ts';
import type { Sql } from '../db/client.ts';
import type { Scope } from '../db/api-keys.ts';
import type { Person } from '../db/people.ts';
import type { Payments } from '../payments/port.ts';
import type { EscrowWorkflows } from './workflow-port.ts';

export interface AppContext {
  sql: Sql;
  temporal: Client;
  workflows: EscrowWorkflows;
  settings: Settings;
  payments: Payments;
  logger: Logger;
}

/** Who calls, and whose idempotency keys these are: an API key's, or a session's person. */
export interface Caller {
  person: Person;
  ownerId: string;
  requestId?: string | undefined;
  /** Of the API key; absent for a session, which may do all that its person may. */
  scopes?: readonly Scope[] | undefined;
}

/** What a route answers with. */
export interface Answer {
  status: number;
  /** JSON; a Buffer goes out as it is, with the headers that say what it is. */
  body: unknown;
  headers?: Record<string, string> | undefined;
  /** Joined to the body of the first answer and never stored: a secret that is shown once. */
  once?: Record<string, string> | undefined;
}
