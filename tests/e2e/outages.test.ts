// Each outside part is stopped for 30 seconds under load and started again: nothing is lost, nobody gets anything twice,
// no service falls over, and all goes on by itself. Two systems share the work, so that the waiting overlaps.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ServiceName, serviceNames } from '../../dev/services.ts';
import { eventually } from '../support/eventually.ts';
import { createLoad, type Load } from '../support/load.ts';
import { type MailSink, startMailSink } from '../support/mail-sink.ts';
import { toRequestRecord } from '../support/request-record.ts';
import { type SmsSink, startSmsSink } from '../support/sms-sink.ts';
import { type System, startSystem } from '../support/system.ts';
import { addTemplate } from '../support/templates.ts';

interface House {
  system: System;
  mail: MailSink;
  sms: SmsSink;
  stop(): Promise<void>;
}

const outageMs = 30_000;
let own: House;
let shared: House;

beforeAll(async () => {
  // One after the other: two launchers at once are slow on a small machine.
  own = await startHouse('own');
  shared = await startHouse('shared');
}, 180_000);

afterAll(async () => {
  await Promise.all([own?.stop(), shared?.stop()]);
});

async function startHouse(infrastructure: 'own' | 'shared'): Promise<House> {
  const mail = await startMailSink();
  const sms = await startSmsSink();
  const env = { SMTP_URL: mail.smtpUrl, SMS_GATEWAY_URL: sms.smsGatewayUrl };
  const system = await startSystem({ name: `outages-${infrastructure}`, infrastructure, env });
  await addTemplate(system.db, { templateId: 'plain', subject: 'Hello {{ first_name }}', text: '{{ last_name }}' });
  return {
    system,
    mail,
    sms,
    async stop() {
      await system.stop();
      await Promise.all([mail.stop(), sms.stop()]);
    },
  };
}

/** Tests of one system take turns; both systems work at the same time. */
const turns = new Map<string, Promise<unknown>>();
function inTurn(name: 'own' | 'shared', work: () => Promise<void>): Promise<void> {
  const turn = (turns.get(name) ?? Promise.resolve()).catch(() => {}).then(work);
  turns.set(name, turn);
  return turn;
}

interface Outage {
  house: House;
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
  const { system } = outage.house;
  const pids = () => serviceNames.map((name) => system.launched.services.pid(name));
  const pidsBefore = pids();
  const load = createLoad(system, { channel, personCount: 1_500 });
  await load.begin();

  const stoppedAtMs = Date.now();
  await outage.stop();
  const told = new Map<ServiceName, boolean>(outage.waiting.map((name) => [name, false]));
  await outage.duringIt?.(load);
  while (Date.now() - stoppedAtMs < outageMs) {
    for (const name of outage.waiting) {
      const waitingFor = await system.waitingFor(name);
      if (waitingFor?.includes(outage.names)) told.set(name, true);
    }
    await sleep(500);
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

function expectEverybodyOnce(load: Load, house: House): void {
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

it.concurrent(
  'goes on by itself after 30 s without Kafka',
  () =>
    inTurn('own', async () => {
      const kafka = required(own.system.launched.infrastructure.parts.kafka);
      const load = await goThrough({
        house: own,
        names: 'kafka',
        waiting: ['ingest', 'planner', 'dispatcher'],
        stop: () => kafka.stop(),
        start: () => kafka.start(),
      });
      expect(load.result().refused).toBeGreaterThan(0);
      expectEverybodyOnce(load, own);
    }),
  timeoutMs,
);

it.concurrent(
  'goes on by itself after 30 s without Postgres',
  () =>
    inTurn('own', async () => {
      const postgres = required(own.system.launched.infrastructure.parts.postgres);
      const load = await goThrough({
        house: own,
        names: 'postgres',
        waiting: ['ingest', 'dispatcher'],
        stop: () => postgres.stop(),
        start: () => postgres.start(),
      });
      expect(load.result().refused).toBeGreaterThan(0);
      expectEverybodyOnce(load, own);
    }),
  timeoutMs,
);

it.concurrent(
  'goes on by itself after 30 s without the registry, even with a record whose schema nobody has seen',
  () =>
    inTurn('own', async () => {
      const { kafka, launched } = own.system;
      const registry = required(launched.infrastructure.parts.registry);
      const strange = Buffer.from(kafka.codec.encode(kafka.topics.requests, toRequestRecord({ template_id: 'plain' })));
      strange.writeUInt32BE(987_654, 1);
      const key = randomUUID();
      const load = await goThrough({
        house: own,
        names: 'registry',
        waiting: ['planner'],
        stop: () => registry.stop(),
        start: () => registry.start(),
        duringIt: () => kafka.produce(kafka.topics.requests.name, [{ key, value: strange }]),
      });
      expect(load.result().refused).toBe(0);
      const letter = await kafka.untilDeadLetter((one) => one.key === key, 'the strange record');
      expect(letter.cause.errorCode).toBe('schema_unknown');
      expectEverybodyOnce(load, own);
    }),
  timeoutMs,
);

it.concurrent(
  'goes on by itself after 30 s without the user service',
  () =>
    inTurn('shared', async () => {
      const userMock = required(shared.system.launched.infrastructure.parts['user-mock']);
      const load = await goThrough({
        house: shared,
        names: 'user-service',
        waiting: ['enricher'],
        stop: () => userMock.stop(),
        start: () => userMock.start(),
      });
      expect(load.result().refused).toBe(0);
      expectEverybodyOnce(load, shared);
    }),
  timeoutMs,
);

it.concurrent(
  'goes on by itself after 30 s without the mail server',
  () =>
    inTurn('shared', async () => {
      const { mail } = shared;
      const load = await goThrough({
        house: shared,
        names: 'mail-server',
        waiting: ['dispatcher'],
        stop: () => mail.stop(),
        start: () => mail.start(),
      });
      expect(load.result().refused).toBe(0);
      expectEverybodyOnce(load, shared);
    }),
  timeoutMs,
);

it.concurrent(
  'goes on by itself after 30 s without the SMS gateway',
  () =>
    inTurn('shared', async () => {
      const { sms } = shared;
      const load = await goThrough(
        {
          house: shared,
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
    }),
  timeoutMs,
);

function required<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('this part was not started here');
  return part;
}
