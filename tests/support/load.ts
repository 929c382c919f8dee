// Load for tests of outages: one bulk request as a backlog, and a steady trickle of single requests, each with an
// Idempotency-Key and repeated until it is accepted, as an honest client does it.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from './eventually.ts';
import type { PostOptions } from './ingest-client.ts';
import { findReachable } from './people.ts';
import type { System } from './system.ts';

export interface LoadResult {
  /** Everybody who must have got a message. */
  notificationIds: string[];
  phones: string[];
  /** 503 answers with Retry-After. */
  refused: number;
  /** Any other answers than these and 202. */
  unexpected: string[];
}

export interface Load {
  /** Returns when some of the backlog has been sent and most of it has not. */
  begin(): Promise<void>;
  /** Ends the trickle and waits until every accepted request is done, each person in it sent. */
  end(withinMs: number): Promise<void>;
  result(): LoadResult;
}

interface Options {
  channel: 'email' | 'sms';
  /** In the backlog. */
  personCount: number;
}

const trickleEveryMs = 200;
const trickleMaxCount = 600;

export function createLoad(system: System, { channel, personCount }: Options): Load {
  const people = findReachable(personCount + trickleMaxCount);
  const template_id = channel === 'email' ? 'plain' : 'new-episode';
  const requestIds: string[] = [];
  const userIds: string[] = [];
  const notificationIds: string[] = [];
  const unexpected: string[] = [];
  const underWay = new Set<Promise<void>>();
  let refused = 0;
  let ended = false;
  let trickle = Promise.resolve();

  async function sendUntilAccepted(priority: string, user_ids: string[]): Promise<void> {
    const event = { template_id, priority, user_ids };
    const options: PostOptions = { idempotencyKey: randomUUID() };
    for (;;) {
      const answer = await system.ingest.post('/send_notification', { event }, options).catch((error) => {
        unexpected.push(`no answer: ${error}`);
      });
      if (answer?.status === 202) {
        requestIds.push(String(answer.body.request_id));
        userIds.push(...user_ids);
        return;
      }
      const retryAfter = Number(answer?.headers.get('retry-after'));
      const isHonest = answer && (answer.status === 503 || answer.status === 409) && retryAfter > 0;
      if (!isHonest && answer) unexpected.push(`${answer.status} ${JSON.stringify(answer.body)}`);
      if (answer?.status === 503) refused += 1;
      await sleep(Math.max(retryAfter || 0, 1) * 1_000);
    }
  }

  async function runTrickle(): Promise<void> {
    const priorities = ['high', 'medium', 'low'];
    for (let index = 0; !ended && index < trickleMaxCount; index++) {
      const person = people[personCount + index];
      const work = sendUntilAccepted(priorities[index % 3] ?? 'low', [person?.id ?? '']).finally(() =>
        underWay.delete(work),
      );
      underWay.add(work);
      await sleep(trickleEveryMs);
    }
  }

  return {
    async begin() {
      trickle = runTrickle();
      await sendUntilAccepted(
        'low',
        people.slice(0, personCount).map(({ id }) => id),
      );
      const [bulkId = ''] = requestIds.slice(-1);
      // The ledger counts in batches, so this is somewhere in the middle.
      await eventually(async () => (await system.ingest.findRequest(bulkId)).planned > 0, 'the backlog is planned');
    },
    async end(withinMs) {
      const deadline = Date.now() + withinMs;
      ended = true;
      await trickle;
      await eventually(
        () => underWay.size === 0,
        () => `all is accepted; ${underWay.size} are not`,
        withinMs,
      );
      for (const id of requestIds) {
        const leftMs = Math.max(1_000, deadline - Date.now());
        const done = await system.ingest.untilDone(id, leftMs).catch(async (error) => {
          throw new Error(await describeStuck(system, id), { cause: error });
        });
        if (done.sent !== done.planned) throw new Error(`not everybody was sent: ${JSON.stringify(done)}`);
        const notifications = await system.ingest.listNotifications({ request_id: id });
        notificationIds.push(...notifications.map(({ notification_id }) => notification_id));
      }
      if (notificationIds.length !== userIds.length) {
        throw new Error(`${userIds.length} people were accepted, the ledger has ${notificationIds.length}`);
      }
    },
    result() {
      const wanted = new Set(userIds);
      const phones = people.filter(({ id }) => wanted.has(id)).map(({ phone }) => phone);
      return { notificationIds, phones, refused, unexpected };
    },
  };
}

/** What a person would look at to find out where a request hangs. */
async function describeStuck(system: System, requestId: string): Promise<string> {
  const deliveries = await system.db
    .selectFrom('deliveries as d')
    .leftJoin('waiting as w', 'w.notification_id', 'd.notification_id')
    .select(['d.notification_id', 'd.priority', 'd.state', 'd.attempt', 'd.claimed_at', 'd.lease_until'])
    .select(['d.rendered_partition', 'd.rendered_offset', 'w.due_at', 'w.reason'])
    .where('d.ended_at', 'is', null)
    .limit(20)
    .execute();
  const told = system.lines.filter((line) => !line.includes('"level":"info"')).slice(-20);
  const waitingFor = await system.waitingFor('dispatcher');
  return `${waitingFor} ${requestId} is not done: ${JSON.stringify(deliveries)}\n${told.join('\n')}`;
}
