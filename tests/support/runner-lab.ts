// Mailing runners on a real broker, a real Postgres and the user-mock over HTTP, for tests: mailings are inserted as the
// admin pages do, the ledger is written as the dispatcher does, time is the test's.
import { randomUUID } from 'node:crypto';
import { type Insertable, sql } from 'kysely';
import { onTestFinished } from 'vitest';
import { notificationId } from '../../domain/ids.ts';
import { createDatabase, type Db, toMonth } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import type { MailingsTable } from '../../lib/db/tables.ts';
import type { ChunkPlanned, NotificationOutcome, NotificationRequested } from '../../lib/events.ts';
import { createUserService } from '../../lib/user-service.ts';
import { type MailingRunner, type RunnerOptions, startMailingRunner } from '../../services/planner/mailing-runner.ts';
import { plan, toChunkPlanned } from '../../services/planner/plan.ts';
import { toPlannedRecord } from '../../services/planner/planned-record.ts';
import { createRequestStore } from '../../services/planner/request-store.ts';
import { startUserMock, type UserMock } from '../../user-mock/app.ts';
import { toRequestRecord } from './request-record.ts';
import { openStageLab, type StageLab } from './stage-lab.ts';
import { addTemplate } from './templates.ts';
import { createTestDatabase } from './test-database.ts';

export interface RunnerLab extends StageLab {
  db: Db;
  mock: UserMock;
  /** What runners take for now; a test moves it. */
  clock: { now: number };
  startRunner(options?: Partial<RunnerOptions>): MailingRunner;
  /** @returns its id */
  addMailing(changes?: Partial<Insertable<MailingsTable>>, people?: readonly string[]): Promise<string>;
  /** Requests that only name people, stored as the planner's lanes store them; their chunks are published. @returns ids */
  addDirect(people: readonly (readonly string[])[], changes?: Partial<NotificationRequested>): Promise<string[]>;
  setHold(requestId: string, state: 'paused' | 'cancelled' | null): Promise<void>;
  request(requestId: string): Promise<RequestRow | undefined>;
  /** Everybody in the stored chunks, in order. */
  people(requestId: string): Promise<string[]>;
  /** Writes ends into the ledger, as the dispatcher does. */
  end(chunks: readonly ChunkPlanned[], state?: 'sent' | 'failed'): Promise<void>;
  /** Takes what is in notifications.outcomes into the ledger. @returns all of them */
  takeOutcomes(atLeast: number): Promise<NotificationOutcome[]>;
}

export type RequestRow = Awaited<ReturnType<typeof readRequest>>;

/** To be called inside a test. */
export async function openRunnerLab(database: { statementLimitMs?: number } = {}): Promise<RunnerLab> {
  const lab = await openStageLab({ partitions: 1 });
  const { databaseUrl, drop } = await createTestDatabase('runner');
  const db = createDatabase({ url: databaseUrl, applicationName: 'test', ...database });
  const mock = await startUserMock({ port: 0, host: '127.0.0.1' });
  const runners = new Set<MailingRunner>();
  onTestFinished(async () => {
    await Promise.all([...runners].map((runner) => runner.stop()));
    await mock.stop();
    await db.destroy();
    await drop();
  });
  await migrate(db);
  await addTemplate(db, { templateId: 'news', text: 'Hello {{ first_name }}' });
  const clock = { now: Date.now() };

  return {
    ...lab,
    db,
    mock,
    clock,
    startRunner(options = {}) {
      const runner = startMailingRunner({
        db,
        kafka: lab.kafka,
        publisher: lab.publisher,
        topics: lab.topics,
        store: createRequestStore(db),
        users: createUserService({ url: mock.url, timeoutMs: 2_000 }),
        logger: lab.logger,
        now: () => clock.now,
        window: 50_000,
        ...options,
      });
      runners.add(runner);
      return runner;
    },
    async addMailing(changes = {}, people = []) {
      const mailing_id = randomUUID();
      await db.transaction().execute(async (change) => {
        await change
          .insertInto('mailings')
          .values({
            mailing_id,
            status: 'confirmed',
            title: 'News',
            template_id: 'news',
            template_version: 1,
            confirmed_at: new Date(clock.now),
            people_count: people.length,
            ...changes,
          })
          .execute();
        for (let start = 0; start < people.length; start += 5_000) {
          const rows = people.slice(start, start + 5_000).map((user_id) => ({ mailing_id, user_id }));
          await change.insertInto('mailing_people').values(rows).execute();
        }
      });
      return mailing_id;
    },
    async addDirect(people, changes = {}) {
      const template = {
        templateId: 'news',
        version: 1,
        kind: 'common',
        channel: 'email',
        onNoAnswer: 'resend',
        isPromo: false,
      } as const;
      const base = { template_id: 'news', priority: 'low', ...changes } as const;
      const requests = people
        .map((user_ids) => toRequestRecord({ ...base, user_ids: [...user_ids] }))
        .map((request) => plan(request, template, clock.now, request.requested_at));
      const store = createRequestStore(db);
      await store.insert(requests);
      const chunks = requests.flatMap((request) =>
        request.chunks.map((chunk) => toChunkPlanned(request, template, chunk, clock.now)),
      );
      await lab.publisher.publish(chunks.map((chunk) => toPlannedRecord(chunk, lab.topics)));
      await store.markPublished(chunks.map(({ request_id, sequence }) => ({ requestId: request_id, sequence })));
      return requests.map(({ requestId }) => requestId);
    },
    async setHold(request_id, state) {
      if (state === null) {
        await db.deleteFrom('holds').where('request_id', '=', request_id).execute();
        return;
      }
      await db
        .insertInto('holds')
        .values({ request_id, state })
        .onConflict((conflict) => conflict.column('request_id').doUpdateSet({ state, changed_at: new Date() }))
        .execute();
    },
    request: (requestId) => readRequest(db, requestId),
    async people(requestId) {
      const rows = await db
        .selectFrom('chunks')
        .select('user_ids')
        .where('request_id', '=', requestId)
        .orderBy('sequence')
        .execute();
      return rows.flatMap((row) => row.user_ids);
    },
    async end(chunks, state = 'sent') {
      for (const chunk of chunks) {
        await writeEnds(
          db,
          chunk.user_ids.map((userId) => toOutcome(chunk, userId, state)),
        );
      }
    },
    async takeOutcomes(atLeast) {
      const outcomes = await lab.readEvents(lab.topics.outcomes, atLeast);
      const first = new Map(outcomes.map((outcome) => [outcome.notification_id, outcome]));
      await writeEnds(db, [...first.values()]);
      return outcomes;
    },
  };
}

function readRequest(db: Db, requestId: string) {
  return db.selectFrom('requests').selectAll().where('request_id', '=', requestId).executeTakeFirst();
}

/** Insert-if-absent, and counters only from rows that are new: the part of the dispatcher's ledger that counts here. */
async function writeEnds(db: Db, outcomes: readonly NotificationOutcome[]): Promise<void> {
  for (let start = 0; start < outcomes.length; start += 1_000) {
    const rows = outcomes.slice(start, start + 1_000).map((outcome) => ({
      ...outcome,
      month: toMonth(outcome.requested_at),
      requested_at: new Date(outcome.requested_at),
      ended_at: new Date(outcome.ended_at),
    }));
    await sql`
      with written as (
        insert into deliveries (month, notification_id, request_id, chunk_id, user_id, channel, template_id,
          template_version, priority, state, reason, stage, requested_at, ended_at)
        select month, notification_id, request_id, chunk_id, user_id, channel, template_id, template_version, priority,
          state, reason, stage, requested_at, ended_at
        from json_to_recordset(${JSON.stringify(rows)}::json) as g (month date, notification_id uuid, request_id uuid,
          chunk_id uuid, user_id text, channel text, template_id text, template_version int, priority text, state text,
          reason text, stage text, requested_at timestamptz, ended_at timestamptz)
        on conflict do nothing
        returning request_id, chunk_id, state, reason
      )
      insert into counters (request_id, chunk_id, state, reason, count)
      select request_id, chunk_id, state, reason, count(*) from written group by 1, 2, 3, 4
      on conflict (request_id, chunk_id, state, reason) do update set count = counters.count + excluded.count`.execute(
      db,
    );
  }
}

function toOutcome(chunk: ChunkPlanned, userId: string, state: 'sent' | 'failed'): NotificationOutcome {
  return {
    notification_id: notificationId(chunk.request_id, userId, chunk.channel),
    request_id: chunk.request_id,
    chunk_id: chunk.chunk_id,
    user_id: userId,
    priority: chunk.priority,
    channel: chunk.channel,
    template_id: chunk.template_id,
    template_version: chunk.template_version,
    state,
    reason: state === 'sent' ? '' : 'refused',
    detail: '',
    stage: 'enricher',
    attempt: 0,
    requested_at: chunk.requested_at,
    planned_at: chunk.planned_at,
    enriched_at: null,
    ended_at: Date.now(),
    is_test: false,
  };
}
