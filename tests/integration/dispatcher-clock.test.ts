// Leases go by Postgres's clock: a dispatcher whose own is hours off takes no living claim away from another, and holds
// its own no longer. The dispatchers are processes, so that one of them can have a wrong clock.
import { randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { sql } from 'kysely';
import { expect, inject, it, onTestFinished } from 'vitest';
import { createDatabase } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import type { NotificationRendered } from '../../lib/events.ts';
import { createLedger } from '../../services/dispatcher/ledger.ts';
import { eventually } from '../support/eventually.ts';
import { renderedMany, toMessage } from '../support/ledger-lab.ts';
import { startLyingMailServer } from '../support/lying-mail-server.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { openStageLab } from '../support/stage-lab.ts';
import { createTestDatabase } from '../support/test-database.ts';

const shiftedClock = pathToFileURL(`${import.meta.dirname}/../support/shifted-clock.ts`).href;
const hourMs = 3_600_000;
const peopleEach = 20;

async function openTwo(shiftMs: number) {
  const lab = await openStageLab({ partitions: 2 });
  const server = await startLyingMailServer();
  const { databaseUrl, drop } = await createTestDatabase('clock');
  const db = createDatabase({ url: databaseUrl, applicationName: 'test' });
  onTestFinished(async () => {
    await db.destroy();
    await drop();
  });
  await migrate(db);
  const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL } = inject('infrastructure');
  const env = {
    KAFKA_BROKERS,
    SCHEMA_REGISTRY_URL,
    KAFKA_TOPIC_PREFIX: lab.topics.requests.name.replace('notifications.requests', ''),
    DATABASE_URL: databaseUrl,
    SMTP_URL: server.smtpUrl,
    SMTP_CONNECTIONS_HIGH: String(peopleEach),
    SMS_GATEWAY_URL: 'http://127.0.0.1:9/sms',
  };
  const right = await startServiceProcess('dispatcher', env);
  const wrong = await startServiceProcess('dispatcher', {
    ...env,
    NODE_OPTIONS: `--import=${shiftedClock}`,
    CLOCK_SHIFT_MS: String(shiftMs),
  });
  const partitionsOf = () => [partitionOf(right), partitionOf(wrong)];
  await eventually(
    () => partitionsOf().toSorted().join() === '0,1',
    () => `each has a partition of the lane, they have ${partitionsOf().join(' and ')}`,
    90_000,
  );
  return { ...lab, server, db, right, wrong };
}

/** Of the high lane, when it has exactly one; a process is told anew whenever its group changes. */
function partitionOf({ lines }: ServiceProcess): number | undefined {
  const last = lines.findLast((line) => line.includes('"joined the group"') && line.includes('"priority":"high"'));
  const { partitions = [] } = last ? (JSON.parse(last) as { partitions: number[] }) : {};
  return partitions.length === 1 ? partitions[0] : undefined;
}

it.each([
  { which: 'ahead', shiftMs: 2 * hourMs },
  { which: 'behind', shiftMs: -2 * hourMs },
])(
  'a dispatcher whose clock is two hours $which takes no living claim and holds its own no longer',
  async ({ shiftMs }) => {
    const two = await openTwo(shiftMs);
    const { topics, server, db, right, wrong, sendEvents } = two;
    const events = [...(await contend(two, right, wrong)), ...(await contend(two, wrong, right))];
    expect(wrong.lines.some((line) => Math.abs(timeOf(line) - Date.now() - shiftMs) < hourMs / 2)).toBe(true);

    // What a dead one left behind is taken over at once, by whomever it comes to.
    const left = renderedMany(peopleEach);
    await createLedger(db).claim(
      left.map((event) => toMessage(event)),
      { token: randomUUID(), fromWaiting: false },
    );
    const expired = { lease_until: sql<Date>`now() - interval '1 second'` };
    await db.updateTable('deliveries').set(expired).where('state', '=', 'claimed').execute();
    await sendEvents(topics.rendered.high, left, partitionOf(wrong));
    await eventually(async () => (await countSent(two, 2)) === left.length, 'what was left behind is sent');

    // What was held back looks again: it has been sent by then, and nobody sends it once more.
    await db.updateTable('waiting').set({ due_at: sql`now()` }).execute();
    await eventually(async () => (await countHeld(two)) === 0, 'nothing waits any more', 60_000);
    expect(await countSent(two)).toBe(events.length);
    for (const { notification_id } of [...events, ...left]) expect(server.timesTaken(notification_id)).toBe(1);
    const { rows: counted } = await sql<{ state: string; count: number }>`
    select state, sum(count)::integer as count from counters group by state having sum(count) <> 0`.execute(db);
    expect(counted).toEqual([{ state: 'sent', count: events.length + left.length }]);
  },
  240_000,
);

type Two = Awaited<ReturnType<typeof openTwo>>;

/** The same records come to the holder, whose mails get no answer yet, and then to the other one, who has nothing else to do. */
async function contend(two: Two, holder: ServiceProcess, other: ServiceProcess): Promise<NotificationRendered[]> {
  const { topics, server, db, sendEvents } = two;
  const events = renderedMany(peopleEach);
  const [takenBefore, sentBefore, heldBefore] = [server.taken.length, await countSent(two), await countHeld(two)];
  const answered = Promise.withResolvers<void>();
  server.behave = () => ({ kind: 'held', until: answered.promise });
  await sendEvents(topics.rendered.high, events, partitionOf(holder));
  await eventually(() => server.taken.length === takenBefore + peopleEach, 'all bodies have left', 60_000);
  await sendEvents(topics.rendered.high, events, partitionOf(other));
  await eventually(async () => (await countHeld(two)) === heldBefore + peopleEach, 'the other one met living claims');
  const { rows } = await sql<{ left_seconds: number }>`
    select extract(epoch from lease_until - now())::double precision as left_seconds from deliveries
    where state = 'claimed'`.execute(db);
  expect(rows).toHaveLength(peopleEach);
  for (const { left_seconds } of rows) {
    expect(left_seconds).toBeGreaterThan(30);
    expect(left_seconds).toBeLessThanOrEqual(60);
  }
  answered.resolve();
  await eventually(async () => (await countSent(two)) === sentBefore + peopleEach, 'all is sent', 60_000);
  return events;
}

async function countHeld({ db }: Two): Promise<number> {
  return (await db.selectFrom('waiting').select('reason').where('reason', '=', 'held').execute()).length;
}

async function countSent({ db }: Two, attempt = 1): Promise<number> {
  const sent = db.selectFrom('deliveries').select('state').where('state', '=', 'sent').where('attempt', '=', attempt);
  return (await sent.execute()).length;
}

/** Of a line of a log, milliseconds since 1970 UTC. */
function timeOf(line: string): number {
  try {
    const { time } = JSON.parse(line) as { time: string | number };
    return new Date(time).getTime();
  } catch {
    return Number.NaN;
  }
}
