// The connection to Postgres, and the difference between "Postgres is down" and "this statement is wrong".
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { DependencyError } from '../errors.ts';
import type { Database } from './tables.ts';

export type Db = Kysely<Database>;

interface Options {
  url: string;
  /** Shown in pg_stat_activity. */
  applicationName: string;
  maxConnections?: number;
  /** For one statement. */
  statementLimitMs?: number;
  /** A connection in the pool broke while idle; the pool replaces it. */
  onIdleError?: (error: Error) => void;
}

const defaultStatementLimitMs = 30_000;
const connectTimeoutMs = 5_000;

// Dates as text: a month must not move with the time zone of the machine. Counts as numbers: none passes 2^53.
const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => {
    if (oid === pg.types.builtins.DATE) return (text: string) => text;
    if (oid === pg.types.builtins.INT8) return Number;
    return pg.types.getTypeParser(oid, format);
  },
};

export function createDatabase(options: Options): Db {
  const statementLimitMs = options.statementLimitMs ?? defaultStatementLimitMs;
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementLimitMs,
    query_timeout: statementLimitMs + 5_000,
    keepAlive: true,
    types: types as pg.CustomTypesConfig,
  });
  pool.on('error', (error) => options.onIdleError?.(error));
  // The pool listens only to connections that lie idle. One that breaks between two statements of a transaction tells it
  // to nobody, and an 'error' that nobody hears ends the process; its next statement says that it is not queryable.
  pool.on('connect', (connection) => connection.on('error', () => {}));
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
}

/**
 * Postgres answers, but this statement came to no end: it took too long, waited too long for a lock, or was rolled back for
 * another's sake. Waited out like any outage, but not for ever: the same work may never come to its end (judge.ts).
 */
export class StatementUndoneError extends DependencyError {
  constructor(cause: unknown) {
    super('postgres', 'a statement does not come to its end', { cause });
  }
}

/**
 * Runs statements and says in our words when Postgres cannot be reached.
 * @throws DependencyError('postgres') for lost connections, shutdowns and full servers, StatementUndoneError, which is one,
 *   for timeouts and deadlocks; other errors as they are
 */
export async function withDatabase<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isUndone(error)) throw new StatementUndoneError(error);
    if (isDatabaseDown(error)) throw new DependencyError('postgres', 'Postgres does not answer', { cause: error });
    throw error;
  }
}

// 57014 cancelled by statement_timeout, 40 rolled back (deadlock, serialization), 55P03 lock not available.
const undoneStates = /^(57014|40|55P03)/;
const undoneMessages = /query read timeout/i;

function isUndone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return undoneStates.test(code) || undoneMessages.test(error.message);
}

// SQLSTATE classes of https://www.postgresql.org/docs/current/errcodes-appendix.html: 08 connection, 53 out of
// resources, 57P shutdown, 57014 cancelled by a timeout, 40 rolled back (deadlock), 25006 read-only (a failover), 55P03.
const downStates = /^(08|53|57P|57014|40|25006|55P03)/;
const downNetworkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);
const downMessages =
  /connection terminated|connection ended|timeout exceeded when trying to connect|query read timeout|client was closed|not queryable/i;

export function isDatabaseDown(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(isDatabaseDown)) return true;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return downStates.test(code) || downNetworkCodes.has(code) || downMessages.test(error.message);
}

/** The ledger's partition of a request: the first day of its month, UTC, as `YYYY-MM-01`. */
export function toMonth(requestedAtMs: number): string {
  return `${new Date(requestedAtMs).toISOString().slice(0, 7)}-01`;
}
