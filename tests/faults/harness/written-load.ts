// What a producer of Avro records asks for, as the counting rule sees it: nobody answers it, so what it has written counts.
import { randomUUID } from 'node:crypto';
import { notificationId } from '../../../domain/ids.ts';
import type { NotificationRequested } from '../../../lib/events.ts';
import type { Priority, Topic } from '../../../lib/topics.ts';
import { toUser, type User } from '../../../user-mock/users.ts';
import { toRequestRecord } from '../../support/request-record.ts';
import { type Load, type PlannedPerson, toSingle } from './load.ts';
import { templates, type World } from './world.ts';

export interface Written {
  topic: Topic<'NotificationRequested'>;
  record: NotificationRequested;
}

export interface WrittenLoad extends Load {
  planned: Map<string, PlannedPerson>;
  /** The single request of this number; from now on its person is planned. */
  single(from: number, index: number): Written;
  /** A request for so many people, from this number on; which of the templates and priorities, its index says. */
  crowd(from: number, count: number, index: number): Written;
  /** Somebody whom a poison record names, and who must end as failed. */
  expectFailed(notificationId: string): void;
}

export function createWrittenLoad(world: World): WrittenLoad {
  const planned = new Map<string, PlannedPerson>();
  const write = (
    users: readonly User[],
    { priority, template_id }: { priority: string; template_id: string },
  ): Written => {
    const requestId = randomUUID();
    for (const { id, email } of users) {
      planned.set(notificationId(requestId, id, 'email'), {
        onNoAnswer: template_id === templates.park ? 'park' : 'resend',
        requestId,
        email,
        priority,
        acceptedAtMs: Date.now(),
      });
    }
    return {
      topic: priority === 'high' ? world.topics.requestsHigh : world.topics.requests,
      record: toRequestRecord({
        request_id: requestId,
        template_id,
        priority: priority as Priority,
        user_ids: users.map(({ id }) => id),
      }),
    };
  };
  const load: WrittenLoad = {
    planned,
    mailingIds: [],
    answers: new Map(),
    refusals: new Map(),
    unexpected: [],
    begin: async () => {},
    end: async () => {},
    single(from, index) {
      const { user, ...rest } = toSingle(from, index);
      return write([user], rest);
    },
    crowd(from, count, index) {
      const users = Array.from({ length: count }, (_, at) => toUser(from + at));
      return write(users, toSingle(0, index));
    },
    expectFailed(id) {
      planned.set(id, { onNoAnswer: 'resend', requestId: '', email: '', priority: 'low', acceptedAtMs: Date.now() });
    },
  };
  world.loads.push(load);
  return load;
}
