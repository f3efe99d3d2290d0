// The one way to PostgreSQL: a postgres.js client whose bigint columns are bigint, with bounded statements and pool.
import postgres from 'postgres';

export type Sql = postgres.Sql<{ bigint: bigint }>;
export type Tx = postgres.TransactionSql<{ bigint: bigint }>;
/** What a query needs: a client or a running transaction. */
export type Queryable = Sql | Tx;

export interface ConnectOptions {
  max?: number;
  applicationName?: string;
  /** Milliseconds; activities have 5 s, so a statement must end before them. */
  statementTimeoutMs?: number;
}

/** Opens a pool. `end()` it when done. */
export function connect(url: string, options: ConnectOptions = {}): Sql {
  return postgres(url, {
    max: options.max ?? 10,
    types: { bigint: postgres.BigInt },
    connect_timeout: 10,
    idle_timeout: 60,
    max_lifetime: 1800,
    onnotice: () => {},
    connection: {
      application_name: options.applicationName ?? 'tranche',
      statement_timeout: options.statementTimeoutMs ?? 4000,
      idle_in_transaction_session_timeout: 10_000,
      // The server gives up a client whose machine is gone within a minute, and with it the client's advisory locks (a
      // sweep's turn); the system's own default is two hours.
      tcp_keepalives_idle: 30,
      tcp_keepalives_interval: 10,
      tcp_keepalives_count: 3,
    },
  });
}
