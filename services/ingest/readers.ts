// The door for calls that only read: connections of their own, so that whoever lists a mailing of a million never keeps a
// registration or the look-up of a key waiting; and an end for what takes too long.
import { createDatabase, type Db, withDatabase } from '../../lib/db/database.ts';
import { createGate } from '../../lib/gate.ts';
import { unavailable } from './problem.ts';
import { readWithinLimit, retryAfterSeconds } from './time-limit.ts';

export interface Readers {
  /** @throws Problem unavailable, where too many read already or it takes too long; DependencyError('postgres') */
  read<T>(work: (db: Db) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

interface Options {
  url: string;
  maxConnections: number;
  onIdleError: (error: Error) => void;
}

/** For one statement. */
const statementLimitMs = 2_000;
/** For each connection. They wait some tens of milliseconds, as long as those before them take no longer. */
const waitingPerConnection = 10;

export function createReaders({ maxConnections, ...options }: Options): Readers {
  const db = createDatabase({
    ...options,
    applicationName: 'posthorn-ingest-readers',
    maxConnections,
    statementLimitMs,
  });
  const gate = createGate({ maxRunning: maxConnections, maxWaiting: maxConnections * waitingPerConnection });
  return {
    async read(work) {
      const running = gate.run(() => withDatabase(() => work(db)).catch(toProblem));
      if (!running) throw unavailable('Too many calls are reading at the moment.', retryAfterSeconds);
      return readWithinLimit(running);
    },
    stop: () => db.destroy(),
  };
}

/** SQLSTATE of a statement that was ended by its time limit. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const cancelledState = '57014';

function toProblem(error: unknown): never {
  const cause = error instanceof Error ? error.cause : undefined;
  if (typeof cause !== 'object' || cause === null || !('code' in cause) || cause.code !== cancelledState) throw error;
  throw unavailable(
    `This took more than ${statementLimitMs / 1_000} s. Ask for less (one person, one request, a smaller limit), or try again.`,
    retryAfterSeconds,
    error,
  );
}
