// Each outside part is stopped under load until everybody who needs it has said so, and for twelve seconds at least, and started
// again: nothing is lost, nobody gets anything twice, and all goes on by itself. Longer outages, and our own processes killed,
// are in tests/faults. Two systems share the tests, so that the waiting overlaps.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ServiceName, serviceNames } from '../../dev/services.ts';
import { eventually } from '../support/eventually.ts';
import { type House, startHouse } from '../support/house.ts';
import { createLoad, type Load } from '../support/load.ts';
import { toRequestRecord } from '../support/request-record.ts';

/** Longer than any wait between two tries (10 s), so that each has met the outage more than once. */
const outageMs = 12_000;
const toldWithinMs = 60_000;
let house: House;

beforeAll(async () => {
  house = await startHouse();
}, 180_000);

afterAll(() => house?.stop());

interface Outage {
  /** As /readyz names it. */
  names: string;
  /** Who must say that it waits. */
  waiting: ServiceName[];
  stop(): Promise<void>;
  start(): Promise<void>;
  duringIt?(load: Load): Promise<void>;
}

/** The story that all of them share. @returns the load, whose requests have all ended well */
async function goThrough(outage: Outage, channel: 'email' | 'sms' = 'email'): Promise<Load> {
  const { system } = house;
  const pids = () => serviceNames.map((name) => system.launched.services.pid(name));
  const pidsBefore = pids();
  const load = createLoad(system, { channel, personCount: 1_000 });
  await load.begin();

  const stoppedAtMs = performance.now();
  await outage.stop();
  const told = new Map<ServiceName, boolean>(outage.waiting.map((name) => [name, false]));
  await outage.duringIt?.(load);
  const isKnown = () => [...told.values()].every(Boolean);
  for (let sinceMs = 0; sinceMs < outageMs || (sinceMs < toldWithinMs && !isKnown()); ) {
    for (const name of outage.waiting) {
      const waitingFor = await system.waitingFor(name);
      if (waitingFor?.includes(outage.names)) told.set(name, true);
    }
    await sleep(500);
    sinceMs = performance.now() - stoppedAtMs;
  }
  await outage.start();
  await load.end(60_000);

  expect(Object.fromEntries(told), `/readyz names ${outage.names}`).toEqual(
    Object.fromEntries(outage.waiting.map((name) => [name, true])),
  );
  const lastWords = system.lines.filter((line) => / died |"level":"fatal"/.test(line)).slice(-4);
  expect(pids(), `no service has died:\n${lastWords.join('\n')}`).toEqual(pidsBefore);
  for (const name of serviceNames) {
    await eventually(async () => (await system.waitingFor(name))?.length === 0, `${name} is ready again`);
  }
  return load;
}

function expectEverybodyOnce(load: Load): void {
  const { notificationIds, unexpected } = load.result();
  expect(unexpected, 'answers of ingest').toEqual([]);
  const counts = new Map<string, number>();
  for (const { messageId } of house.mail.mails) {
    const id = messageId.split('@')[0] ?? '';
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const notOnce = notificationIds.filter((id) => counts.get(id) !== 1);
  expect(notOnce, 'people who got no mail or several').toEqual([]);
}

const timeoutMs = 240_000;

it(
  'goes on by itself without Kafka',
  async () => {
    const kafka = required(house.system.launched.infrastructure.parts.kafka);
    const load = await goThrough({
      names: 'kafka',
      waiting: ['ingest', 'planner', 'dispatcher'],
      stop: () => kafka.stop(),
      start: () => kafka.start(),
    });
    expect(load.result().refused).toBeGreaterThan(0);
    expectEverybodyOnce(load);
  },
  timeoutMs,
);

it(
  'goes on by itself without Postgres',
  async () => {
    const postgres = required(house.system.launched.infrastructure.parts.postgres);
    const load = await goThrough({
      names: 'postgres',
      waiting: ['ingest', 'dispatcher'],
      stop: () => postgres.stop(),
      start: () => postgres.start(),
    });
    expect(load.result().refused).toBeGreaterThan(0);
    expectEverybodyOnce(load);
  },
  timeoutMs,
);

it(
  'goes on by itself without the registry, even with a record whose schema nobody has seen',
  async () => {
    const { kafka, launched } = house.system;
    const registry = required(launched.infrastructure.parts.registry);
    const strange = Buffer.from(kafka.codec.encode(kafka.topics.requests, toRequestRecord({ template_id: 'plain' })));
    strange.writeUInt32BE(987_654, 1);
    const key = randomUUID();
    const load = await goThrough({
      names: 'registry',
      waiting: ['planner'],
      stop: () => registry.stop(),
      start: () => registry.start(),
      duringIt: () => kafka.produce(kafka.topics.requests.name, [{ key, value: strange }]),
    });
    expect(load.result().refused).toBe(0);
    const letter = await kafka.untilDeadLetter((one) => one.key === key, 'the strange record');
    expect(letter.cause.errorCode).toBe('schema_unknown');
    expectEverybodyOnce(load);
  },
  timeoutMs,
);

it(
  'goes on by itself without the user service',
  async () => {
    const userMock = required(house.system.launched.infrastructure.parts['user-mock']);
    const load = await goThrough({
      names: 'user-service',
      waiting: ['enricher'],
      stop: () => userMock.stop(),
      start: () => userMock.start(),
    });
    expect(load.result().refused).toBe(0);
    expectEverybodyOnce(load);
  },
  timeoutMs,
);

it(
  'goes on by itself without the mail server',
  async () => {
    const { mail } = house;
    const load = await goThrough({
      names: 'mail-server',
      waiting: ['dispatcher'],
      stop: () => mail.stop(),
      start: () => mail.start(),
    });
    expect(load.result().refused).toBe(0);
    expectEverybodyOnce(load);
  },
  timeoutMs,
);

it(
  'goes on by itself without the SMS gateway',
  async () => {
    const { sms } = house;
    const load = await goThrough(
      {
        names: 'sms-gateway',
        waiting: ['dispatcher'],
        stop: () => sms.stop(),
        start: () => sms.start(),
      },
      'sms',
    );
    const { notificationIds, unexpected, refused, phones } = load.result();
    expect({ unexpected, refused }).toEqual({ unexpected: [], refused: 0 });
    // A gateway delivers a key once; each person must have come with one key only.
    expect(notificationIds.filter((id) => !sms.delivered.has(id))).toEqual([]);
    const deliveredTo = notificationIds.map((id) => sms.delivered.get(id)).sort();
    expect(deliveredTo).toEqual([...phones].sort());
  },
  timeoutMs,
);

function required<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('this part was not started here');
  return part;
}
