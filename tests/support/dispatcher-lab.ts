// A dispatcher's lane on a real Postgres and a mail server of the test's choice. Kafka's place is taken by a list, so that
// a test can hand in a slice twice, or stop in the middle, as the broker would.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import type { NotificationOutcome, NotificationRendered } from '../../lib/events.ts';
import { notificationId } from '../../lib/ids.ts';
import type { Outgoing } from '../../lib/kafka/stage.ts';
import { createMetrics } from '../../lib/metrics.ts';
import { createTopics } from '../../lib/topics.ts';
import { createDispatcherMetrics } from '../../services/dispatcher/dispatcher-metrics.ts';
import { Lane } from '../../services/dispatcher/lane.ts';
import { createLedger, type Ledger } from '../../services/dispatcher/ledger.ts';
import type { Message } from '../../services/dispatcher/messages.ts';
import { Breaker } from '../../services/dispatcher/transports/breaker.ts';
import { createSmsTransport } from '../../services/dispatcher/transports/sms.ts';
import { createSmtpTransport } from '../../services/dispatcher/transports/smtp.ts';
import { SmtpPool } from '../../services/dispatcher/transports/smtp-pool.ts';
import { startWaitingLoop, type WaitingLoop } from '../../services/dispatcher/waiting.ts';
import { createTestDatabase } from './test-database.ts';

export interface LedgerLab {
  db: Db;
  ledger: Ledger;
  /** `state reason attempt` of a delivery, undefined without a row. */
  stateOf(event: { notification_id: string }): Promise<string | undefined>;
  /** `state reason` → count, over all counters; those at 0 are left out. */
  counters(): Promise<Record<string, number>>;
  /** The same, counted over the rows: what the counters must be. */
  rowCounts(): Promise<Record<string, number>>;
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
  let drop: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    const database = await createTestDatabase('dispatcher');
    drop = database.drop;
    db = createDatabase({ url: database.databaseUrl, applicationName: 'test' });
    await migrate(db);
  });
  afterAll(async () => {
    await db?.destroy();
    await drop?.();
  });
  return async () => {
    if (!db) throw new Error('the database is made before the tests');
    await sql`truncate deliveries, waiting, counters, suppressions`.execute(db);
    return createLedgerLab(db);
  };
}

function createLedgerLab(db: Db): LedgerLab {
  return {
    db,
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
      await sql`update waiting set due_at = now(), lease_until = null`.execute(db);
    },
  };
}

export function rendered(changes: Partial<NotificationRendered> = {}): NotificationRendered {
  const requestId = changes.request_id ?? randomUUID();
  const userId = changes.user_id ?? randomUUID();
  const now = Date.now();
  return {
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

export interface DispatcherLab extends LedgerLab {
  lane: Lane;
  outcomes: NotificationOutcome[];
  /** `state reason attempt` of every outcome told about it, in order. */
  told(event: { notification_id: string }): string[];
  dispatch(events: readonly NotificationRendered[], signal?: AbortSignal): Promise<void>;
  /** Starts the loop that sends what waits; stopped with the test. */
  startWaiting(): WaitingLoop;
  /** Another dispatcher on the same database. */
  createLane(changes?: { ledger?: Ledger; smtpUrl?: string }): Lane;
}

const json = {
  encode: (_topic: unknown, event: unknown) => Buffer.from(JSON.stringify(event)),
  decode: async (_topic: unknown, value: Buffer) => JSON.parse(value.toString()),
};

export interface DispatcherLabOptions {
  smtpUrl: string;
  smsUrl?: string;
  login?: { user: string; pass: string };
  connections?: number;
  answerTimeoutMs?: number;
  /** Puts something between the lane and the ledger, such as an outage. */
  ledger?: (ledger: Ledger) => Ledger;
}

/** As useLedgerLab, with a lane. */
export function useDispatcherLab(): (options: DispatcherLabOptions) => Promise<DispatcherLab> {
  const open = useLedgerLab();
  return async (options) => createDispatcherLab(await open(), options);
}

function createDispatcherLab(ledgerLab: LedgerLab, options: DispatcherLabOptions): DispatcherLab {
  const topics = createTopics();
  const outcomes: NotificationOutcome[] = [];
  const ledger = options.ledger?.(ledgerLab.ledger) ?? ledgerLab.ledger;
  const logger = pino({ level: 'silent' });
  const loops: WaitingLoop[] = [];

  function createLane(changes: { ledger?: Ledger; smtpUrl?: string } = {}): Lane {
    const { hostname, port } = new URL(changes.smtpUrl ?? options.smtpUrl);
    const parallel = options.connections ?? 4;
    const pool = new SmtpPool({
      smtp: {
        host: hostname,
        port: Number(port),
        secure: false,
        verifyCertificate: false,
        login: options.login,
        connectTimeoutMs: 1_000,
        answerTimeoutMs: options.answerTimeoutMs ?? 5_000,
      },
      maxConnections: parallel,
      maxMessagesPerConnection: 1_000,
      idleCloseMs: 60_000,
    });
    onTestFinished(() => pool.stop());
    const now = () => performance.now();
    return new Lane({
      priority: 'low',
      input: topics.rendered.low,
      outcomes: topics.outcomes,
      ledger: changes.ledger ?? ledger,
      codec: json,
      publisher: {
        publish: async (records: readonly Outgoing[]) => {
          for (const { event } of records) outcomes.push(event as NotificationOutcome);
        },
      },
      transports: {
        email: createSmtpTransport({
          pool,
          parallel,
          breaker: new Breaker('mail-server', now),
          sender: {
            mailFrom: 'Posthorn <no-reply@sender.example>',
            envelopeFrom: 'no-reply@sender.example',
            mailDomain: 'sender.example',
          },
        }),
        sms: createSmsTransport({
          settings: { url: options.smsUrl ?? 'http://127.0.0.1:9/sms', token: 'secret', timeoutMs: 1_000 },
          breaker: new Breaker('sms-gateway', now),
          parallel,
        }),
      },
      metrics: createDispatcherMetrics(createMetrics('dispatcher')),
      logger,
    });
  }

  const lane = createLane();
  return {
    ...ledgerLab,
    ledger,
    lane,
    outcomes,
    createLane,
    told: ({ notification_id }) =>
      outcomes
        .filter((outcome) => outcome.notification_id === notification_id)
        .map(({ state, reason, attempt }) => `${state} ${reason} ${attempt}`.replace('  ', ' ')),
    dispatch: (events, signal = new AbortController().signal) =>
      lane.dispatch(events.map(toMessage), { fromWaiting: false, signal, progressed: () => {} }),
    startWaiting() {
      const loop = startWaitingLoop({
        priority: 'low',
        input: topics.rendered.low,
        lane,
        ledger,
        codec: json as never,
        logger,
        everyMs: 20,
      });
      loops.push(loop);
      onTestFinished(() => loop.stop());
      return loop;
    },
  };
}
