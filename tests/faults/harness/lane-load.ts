// Requests of any priority and channel for people who are in nothing else: what each must get is known when it is accepted.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from '../../../domain/ids.ts';
import { notificationId } from '../../../domain/ids.ts';
import type { Priority } from '../../../lib/topics.ts';
import { toUser, type User } from '../../../user-mock/users.ts';
import type { Load, PlannedPerson } from './load.ts';
import { templates, type World } from './world.ts';

export interface LanePerson extends PlannedPerson {
  user: User;
  channel: Channel;
}

export interface LaneLoad extends Load {
  readonly planned: Map<string, LanePerson>;
  /** Resolves when it is accepted, with the notification ids in the order of the people. */
  send(
    priority: Priority,
    channel: Channel,
    users: readonly User[],
    event?: { template_id: string; context: object },
  ): Promise<string[]>;
  /** So many people with consent, an address and a phone, whom nobody has had before. */
  take(count: number): User[];
}

const retryMs = 500;
/** Apart from the people of createLoad and createNamedLoad. */
const peopleFrom = 500_000;

export function createLaneLoad(world: World, from: number): LaneLoad {
  const planned = new Map<string, LanePerson>();
  let next = peopleFrom + from;
  const load: LaneLoad = {
    planned,
    mailingIds: [],
    answers: new Map(),
    refusals: new Map(),
    unexpected: [],
    begin: async () => {},
    end: async () => {},
    take(count) {
      const users: User[] = [];
      for (; users.length < count; next++) {
        const user = toUser(next);
        if (user.email && user.phone) users.push(user);
      }
      return users;
    },
    async send(priority, channel, users, event) {
      const requestId = await sendPatiently(world, {
        template_id: channel === 'sms' ? templates.sms : templates.resend,
        priority,
        user_ids: users.map(({ id }) => id),
        ...event,
      });
      const acceptedAtMs = Date.now();
      return users.map((user) => {
        const id = notificationId(requestId, user.id, channel);
        const email = channel === 'sms' ? user.phone : user.email;
        planned.set(id, { onNoAnswer: 'resend', requestId, email, priority, acceptedAtMs, user, channel });
        return id;
      });
    },
  };
  world.loads.push(load);
  return load;
}

/** Again while ingest says that it cannot take it now. @throws Refusal with any other answer than 202 */
async function sendPatiently({ ingest }: World, event: object): Promise<string> {
  const idempotencyKey = randomUUID();
  for (;;) {
    const { status, body } = await ingest.post('/send_notification', { event }, { idempotencyKey });
    if (status === 202) return String(body.request_id);
    if (status !== 503 && status !== 429) throw new Refusal(status, JSON.stringify(body));
    await sleep(retryMs);
  }
}

export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, text: string) {
    super(`ingest answered ${status} ${text}`);
    this.status = status;
  }
}
