// Test-sends that the admin service has asked for. Anybody may write to the requests topics, so a record that calls itself
// a test (which would go to any address, with anybody's data) is believed only when it is noted here, field by field.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../lib/db/database.ts';
import { PermanentError } from '../../lib/errors.ts';
import type { NotificationRequested } from '../../lib/events.ts';

/** What was asked for, and whether the template has that version. */
export interface TestSend {
  templateId: string;
  templateVersion: number;
  address: string;
  userId: string;
  hasVersion: boolean;
}

/** @throws DependencyError('postgres') */
export async function findTestSends(db: Db, requestIds: readonly string[]): Promise<Map<string, TestSend>> {
  if (requestIds.length === 0) return new Map();
  const { rows } = await withDatabase(() =>
    sql<TestSend & { requestId: string }>`
      select s.request_id as "requestId", s.template_id as "templateId", s.template_version as "templateVersion",
        s.address, s.user_id as "userId", v.version is not null as "hasVersion"
      from test_sends s
      left join template_versions v on v.template_id = s.template_id and v.version = s.template_version
      where s.request_id = any(${requestIds as string[]}::uuid[])`.execute(db),
  );
  return new Map(rows.map(({ requestId, ...testSend }) => [requestId, testSend]));
}

/** @throws PermanentError when the admin service has not asked for exactly this */
export function checkTestSend(
  request: NotificationRequested,
  test: NonNullable<NotificationRequested['test']>,
  noted: TestSend | undefined,
): void {
  if (!noted) {
    throw new PermanentError('test_unknown', 'the admin service has not asked for a test-send with this request_id');
  }
  const differing = [
    ...(noted.address === test.address ? [] : ['address']),
    ...(noted.templateId === request.template_id ? [] : ['template']),
    ...(noted.templateVersion === test.template_version ? [] : ['template version']),
    ...(noted.userId === request.user_ids[0] ? [] : ['person']),
  ];
  if (differing.length > 0) {
    throw new PermanentError('test_differs', `the test-send was asked for with another ${differing.join(' and ')}`);
  }
  if (!noted.hasVersion) {
    throw new PermanentError(
      'template_version_unknown',
      `template '${request.template_id}' has no version ${test.template_version}`,
    );
  }
}
