// Test-sends: noted here before the record is published, for the planner believes only what is noted. How one goes is
// read from the planner's and the dispatcher's tables.
import { sql } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';
import { notificationId } from '../../../domain/ids.ts';
import type { RequestState } from '../../../domain/request-state.ts';
import { type Db, toMonth, withDatabase } from '../../../lib/db/database.ts';
import type { DeliveryState } from '../../../lib/db/tables.ts';

export interface TestSend {
  requestId: string;
  templateId: string;
  templateVersion: number;
  channel: Channel;
  address: string;
  userId: string;
  createdBy: string;
  createdAt: Date;
}

/** @param requestedAtMs of the record, by whose month the delivery will be found */
export async function noteTestSend(
  db: Db,
  test: Omit<TestSend, 'channel' | 'createdAt'>,
  requestedAtMs: number,
): Promise<void> {
  await withDatabase(() =>
    db
      .insertInto('test_sends')
      .values({
        request_id: test.requestId,
        template_id: test.templateId,
        template_version: test.templateVersion,
        address: test.address,
        user_id: test.userId,
        created_by: test.createdBy,
        created_at: new Date(requestedAtMs),
      })
      .execute(),
  );
}

export async function findTestSend(db: Db, requestId: string): Promise<TestSend | undefined> {
  const { rows } = await withDatabase(() =>
    sql<TestSend>`
      select s.request_id as "requestId", s.template_id as "templateId", s.template_version as "templateVersion",
        t.channel, s.address, s.user_id as "userId", s.created_by as "createdBy", s.created_at as "createdAt"
      from test_sends s join templates t using (template_id) where s.request_id = ${requestId}::uuid`.execute(db),
  );
  return rows[0];
}

export interface TestProgress {
  /** Undefined: the planner has not seen it yet. */
  request: { state: RequestState; detail: string } | undefined;
  /** Undefined: nobody has tried to send it yet. */
  delivery:
    | { notificationId: string; state: DeliveryState; reason: string; detail: string; endedAt: Date | null }
    | undefined;
}

export async function readTestProgress(db: Db, test: TestSend): Promise<TestProgress> {
  const id = notificationId(test.requestId, test.userId, test.channel);
  const [requests, deliveries] = await withDatabase(() =>
    Promise.all([
      sql<{ state: RequestState; detail: string }>`
        select state, detail from requests where request_id = ${test.requestId}::uuid`.execute(db),
      sql<NonNullable<TestProgress['delivery']>>`
        select notification_id as "notificationId", state, reason, detail, ended_at as "endedAt"
        from deliveries where notification_id = ${id}::uuid and month = ${toMonth(test.createdAt.getTime())}::date`.execute(
        db,
      ),
    ]),
  );
  return { request: requests.rows[0], delivery: deliveries.rows[0] };
}
