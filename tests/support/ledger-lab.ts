// The dispatcher's ledger on a real Postgres, and rendered messages to put into it.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll } from 'vitest';
import { notificationId } from '../../domain/ids.ts';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import type { NotificationRendered } from '../../lib/events.ts';
import { createLedger, type Ledger } from '../../services/dispatcher/ledger.ts';
import type { Message } from '../../services/dispatcher/messages.ts';
import { createTestDatabase } from './test-database.ts';

export interface LedgerLab {
  db: Db;
  databaseUrl: string;
  ledger: Ledger;
  /** `state reason attempt` of a delivery, undefined without a row. */
  stateOf(event: { notification_id: string }): Promise<string | undefined>;
  /** `state reason` → count, over all counters; those at 0 are left out. */
  counters(): Promise<Record<string, number>>;
  /** The same, counted over the rows: what the counters must be. */
  rowCounts(): Promise<Record<string, number>>;
  /** The same, of the minutes; tests are not in them. */
  minutes(): Promise<Record<string, number>>;
  /** As a content manager does; undefined ends a pause. */
  hold(requestId: string, state: 'paused' | 'cancelled' | undefined): Promise<void>;
  waitingCount(): Promise<number>;
  /** As if time had passed: every lease has run out. */
  endLeases(): Promise<void>;
  /** As if time had passed: all that waits is due. */
  makeDue(): Promise<void>;
}

/**
 * To be called once at the top of a test file: its tests share one database, and each begins with empty tables.
 * @returns what opens the lab in a test
 */
export function useLedgerLab(): () => Promise<LedgerLab> {
  let db: Db | undefined;
  let databaseUrl = '';
  let drop: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    const database = await createTestDatabase('dispatcher');
    drop = database.drop;
    databaseUrl = database.databaseUrl;
    db = createDatabase({ url: database.databaseUrl, applicationName: 'test' });
    await migrate(db);
  });
  afterAll(async () => {
    await db?.destroy();
    await drop?.();
  });
  return async () => {
    if (!db) throw new Error('the database is made before the tests');
    await sql`truncate deliveries, waiting, counters, suppressions, holds, sending_holds, unsubscribes, delivery_minutes,
        delivery_commands, audit`.execute(db);
    return createLedgerLab(db, databaseUrl);
  };
}

function createLedgerLab(db: Db, databaseUrl: string): LedgerLab {
  return {
    db,
    databaseUrl,
    ledger: createLedger(db),
    async stateOf({ notification_id }) {
      const row = await db
        .selectFrom('deliveries')
        .select(['state', 'reason', 'attempt'])
        .where('notification_id', '=', notification_id)
        .executeTakeFirst();
      return row && `${row.state} ${row.reason} ${row.attempt}`.replace('  ', ' ');
    },
    async counters() {
      const rows = await sql<{ what: string; count: number }>`
        select trim(state || ' ' || reason) as what, sum(count)::integer as count from counters group by 1
        having sum(count) <> 0
      `.execute(db);
      return Object.fromEntries(rows.rows.map(({ what, count }) => [what, count]));
    },
    async rowCounts() {
      const rows = await sql<{ what: string; count: number }>`
        select trim(state || ' ' || reason) as what, count(*)::integer as count from deliveries
        where state not in ('claimed', 'sending') group by 1
      `.execute(db);
      return Object.fromEntries(rows.rows.map(({ what, count }) => [what, count]));
    },
    async minutes() {
      const rows = await sql<{ what: string; count: number }>`
        select trim(state || ' ' || reason) as what, sum(count)::integer as count from delivery_minutes group by 1
      `.execute(db);
      return Object.fromEntries(rows.rows.map(({ what, count }) => [what, count]));
    },
    async hold(requestId, state) {
      if (state === undefined) await sql`delete from holds where request_id = ${requestId}`.execute(db);
      else
        await sql`
          insert into holds (request_id, state) values (${requestId}, ${state})
          on conflict (request_id) do update set state = excluded.state, changed_at = now()
        `.execute(db);
    },
    async waitingCount() {
      return (await db.selectFrom('waiting').select('notification_id').execute()).length;
    },
    async endLeases() {
      await sql`update deliveries set lease_until = now() - interval '1 second' where lease_until is not null`.execute(
        db,
      );
      await sql`update waiting set lease_until = null`.execute(db);
    },
    async makeDue() {
      // A loop may be at some of them, and locks them in an order of its own.
      await sql`update waiting set due_at = now(), lease_until = null where notification_id in (
        select notification_id from waiting for update skip locked)`.execute(db);
    },
  };
}

export function rendered(changes: Partial<NotificationRendered> = {}): NotificationRendered {
  const requestId = changes.request_id ?? randomUUID();
  const userId = changes.user_id ?? randomUUID();
  const now = Date.now();
  return {
    is_test: false,
    unsubscribe_url: null,
    notification_id: notificationId(requestId, userId, changes.channel ?? 'email'),
    request_id: requestId,
    chunk_id: randomUUID(),
    user_id: userId,
    priority: 'low',
    channel: 'email',
    template_id: 'welcome',
    template_version: 1,
    is_promo: false,
    on_no_answer: 'resend',
    address: `${userId}@people.example`,
    from_name: null,
    reply_to: null,
    subject: 'Hello',
    text: 'Hello there',
    html: null,
    requested_at: now,
    planned_at: now,
    enriched_at: now,
    rendered_at: now,
    expires_at: null,
    ...changes,
  };
}

/** So many messages of one request and chunk. */
export function renderedMany(count: number, changes: Partial<NotificationRendered> = {}): NotificationRendered[] {
  const common = { request_id: randomUUID(), chunk_id: randomUUID(), ...changes };
  return Array.from({ length: count }, (_, at) => rendered({ ...common, user_id: `user-${at}` }));
}

export const toMessage = (event: NotificationRendered, offset = 0): Message => ({
  event,
  key: event.user_id,
  traceparent: undefined,
  partition: 0,
  offset: String(offset),
  waitsSince: null,
  mayHaveLeft: false,
});
