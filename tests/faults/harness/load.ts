// What goes on while things break: a mailing, and single requests at a steady rate by HTTP, each repeated under its
// Idempotency-Key until it is accepted, as an honest client does it. Knows beforehand who must get what.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { notificationId } from '../../../domain/ids.ts';
import { type Category, categoryOf, pageNumbers } from '../../../user-mock/categories.ts';
import { toUser, type User } from '../../../user-mock/users.ts';
import { eventually } from '../../support/eventually.ts';
import type { Promised } from './count.ts';
import { templates, type World } from './world.ts';

export interface PlannedPerson extends Promised {
  requestId: string;
  email: string | null;
  priority: string;
  /** When its 202 came, milliseconds since 1970 UTC. */
  acceptedAtMs: number;
}

export interface Load {
  /** By notification id; grows while the load runs. */
  readonly planned: ReadonlyMap<string, PlannedPerson>;
  readonly mailingIds: readonly string[];
  /** Every answer of ingest, by status; 0 for none (no connection, or cut). */
  readonly answers: ReadonlyMap<number, number>;
  /** Refusals with Retry-After, by what they say. */
  readonly refusals: ReadonlyMap<string, number>;
  /** Answers that an honest client would not understand: neither 202, nor a refusal with Retry-After. */
  readonly unexpected: readonly string[];
  /** Posts the mailing, and starts the single requests. Resolves when the mailing has been accepted. */
  begin(): Promise<void>;
  /** Ends the single requests; resolves when everything is accepted. */
  end(): Promise<void>;
}

export interface LoadOptions {
  /** Of the mailing, in all; an even number from 2,000 to 20,000. */
  people: number;
  singlesPerSecond: number;
  /** Numbers of the user-mock's people; another load of the same world begins elsewhere. */
  from?: number;
  /** Asked for each request; the system's own ingest when not given. */
  ingestUrl?(): string;
}

const longestRetryMs = 3_000;
/** Clients that wait for an answer send nothing new: a service that comes back is not buried under repeats. */
const mostUnderWay = 300;
/** How many people are apart from those of the mailing who are named one by one. */
const singlesFrom = 400_000;

export function createLoad(world: World, options: LoadOptions): Load {
  const { people, singlesPerSecond, from = 0, ingestUrl = () => world.launched.ingestUrl } = options;
  const planned = new Map<string, PlannedPerson>();
  const answers = new Map<number, number>();
  const refusals = new Map<string, number>();
  const unexpected: string[] = [];
  const mailingIds: string[] = [];
  const underWay = new Set<Promise<void>>();
  const bulk = takeOf('active', people, from);
  let singleCount = 0;
  let isEnding = false;
  let trickle: Promise<void> = Promise.resolve();

  async function post(
    url: string,
    event: object,
    key: string,
  ): Promise<{ status: number; requestId?: string; wait: number }> {
    try {
      const response = await fetch(`${url}/api/v1/send_notification`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${world.launched.apiKey}`,
          'content-type': 'application/json',
          'idempotency-key': key,
        },
        body: JSON.stringify({ event }),
        signal: AbortSignal.timeout(20_000),
      });
      const text = await response.text();
      const { status } = response;
      const wait = Number(response.headers.get('retry-after') ?? 0);
      if (status === 202) return { status, requestId: (JSON.parse(text) as { request_id: string }).request_id, wait };
      const isHonest = (status === 503 || status === 409 || status === 429) && wait > 0;
      const { detail = '' } = isHonest ? (JSON.parse(text) as { detail?: string }) : {};
      if (isHonest) refusals.set(`${status} ${detail}`, (refusals.get(`${status} ${detail}`) ?? 0) + 1);
      if (!isHonest) unexpected.push(`${status} ${text.slice(0, 200)}`);
      return { status, wait };
    } catch {
      return { status: 0, wait: 0 };
    }
  }

  async function sendUntilAccepted(
    event: { template_id: string; priority: string; [field: string]: unknown },
    users: () => readonly User[],
  ): Promise<string> {
    const key = randomUUID();
    for (let tried = 0; ; tried++) {
      const { status, requestId, wait } = await post(ingestUrl(), event, key);
      answers.set(status, (answers.get(status) ?? 0) + 1);
      if (requestId === undefined) {
        await sleep(wait > 0 ? wait * 1_000 : Math.min(longestRetryMs, 100 * 2 ** tried) * (0.5 + Math.random()));
        continue;
      }
      const onNoAnswer = event.template_id === templates.park ? 'park' : 'resend';
      for (const { id, email } of users()) {
        const { priority } = event;
        const person = { onNoAnswer, requestId, email, priority, acceptedAtMs: Date.now() } as const;
        planned.set(notificationId(requestId, id, 'email'), person);
      }
      return requestId;
    }
  }

  function sendSingle(): void {
    const { user, priority, template_id } = toSingle(from, singleCount);
    singleCount += 1;
    const work: Promise<void> = sendUntilAccepted({ template_id, priority, user_ids: [user.id] }, () => [user]).then(
      () => void underWay.delete(work),
    );
    underWay.add(work);
  }

  async function runSingles(): Promise<void> {
    const startedAtMs = performance.now();
    const firstCount = singleCount;
    while (!isEnding) {
      // By the clock, so that a late timer makes up for what it missed.
      const dueCount = ((performance.now() - startedAtMs) / 1_000) * singlesPerSecond;
      while (singleCount - firstCount < dueCount && underWay.size < mostUnderWay) sendSingle();
      await sleep(1_000 / singlesPerSecond);
    }
  }

  const load: Load = {
    planned,
    mailingIds,
    answers,
    refusals,
    unexpected,
    async begin() {
      isEnding = false;
      if (singlesPerSecond > 0) trickle = runSingles();
      const half = people / 2;
      const category: Category = half >= 10_000 ? 'vip' : 'staff';
      const whole = pageNumbers([category], -1, half).numbers.map(toUser);
      const named = bulk.slice(0, half - whole.length);
      const first = sendUntilAccepted(
        {
          template_id: templates.resend,
          priority: 'low',
          user_ids: named.map(({ id }) => id),
          user_categories: [category],
        },
        () => [...named, ...whole],
      );
      // A planned time makes it the runner's as well, of people who are named.
      const parked = bulk.slice(-half);
      const second = sendUntilAccepted(
        {
          template_id: templates.park,
          priority: 'medium',
          user_ids: parked.map(({ id }) => id),
          scheduled_at: new Date(Date.now() + 1_000).toISOString(),
        },
        () => parked,
      );
      mailingIds.push(...(await Promise.all([first, second])));
    },
    async end() {
      isEnding = true;
      await trickle;
      await eventually(
        () => underWay.size === 0,
        () => `everything is accepted; ${underWay.size} requests are not`,
        120_000,
      );
    },
  };
  world.loads.push(load);
  return load;
}

/** The single request of this number, from 0. */
export function toSingle(from: number, index: number): { user: User; priority: string; template_id: string } {
  return {
    user: toUser(singlesFrom + from + index),
    priority: ['high', 'medium', 'high', 'low'][index % 4] ?? 'high',
    template_id: index % 8 < 4 ? templates.resend : templates.park,
  };
}

/** @returns so many people of one category, from a number on */
function takeOf(category: Category, count: number, from: number): User[] {
  const found: User[] = [];
  for (let number = from; found.length < count; number++)
    if (categoryOf(number) === category) found.push(toUser(number));
  return found;
}
