// A producer that shares no code with this project: Java's console producer, from the Kafka that the launcher has
// downloaded, with a record encoded by hand as docs/producing.md describes it.

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import downloads from '../../dev/downloads.json' with { type: 'json' };
import { downloadsDir } from '../support/infrastructure.ts';
import { findReachable } from '../support/people.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;

beforeAll(async () => {
  system = await startSystem({ name: 'foreign-producer', infrastructure: 'shared' });
});

afterAll(async () => {
  await system?.stop();
});

/** As Java's DatumWriter does it; every length here is below 64, so that its zigzag form is one byte. */
const text = (value: string) => {
  if (Buffer.byteLength(value) > 63) throw new Error('too long for one byte');
  return Buffer.concat([Buffer.from([Buffer.byteLength(value) * 2]), Buffer.from(value)]);
};
const byte = (value: number) => Buffer.from([value]);

/** The fields of schemas/notification-requested.avsc, in its order. */
function encodeByHand(schemaId: number, fields: { requestId: string; templateId: string; userId: string }): Buffer {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(schemaId);
  return Buffer.concat([
    byte(0),
    id,
    text(fields.requestId),
    text(fields.templateId),
    // The second symbol of the enum, medium; is_promo: false.
    byte(2),
    byte(0),
    // One block of one user id, the end of the array; no categories.
    byte(2),
    text(fields.userId),
    byte(0),
    byte(0),
    text('{"start_url": "https://lumen.example/from-java"}'),
    // requested_at 0: Posthorn takes its own time for one that cannot be. No scheduled_at, no expires_at, no test.
    byte(0),
    byte(0),
    byte(0),
    byte(0),
  ]);
}

function runConsoleProducer(topic: string, line: Buffer): Promise<{ code: number | null; output: string }> {
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java';
  const libs = join(downloadsDir, downloads.kafka.folder, '*');
  const brokers = system.launched.env.KAFKA_BROKERS ?? '';
  const child = spawn(java, [
    ...['-Xmx128m', '-cp', libs, 'org.apache.kafka.tools.ConsoleProducer'],
    ...['--bootstrap-server', brokers, '--topic', topic],
  ]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += part));
  child.stdin.end(Buffer.concat([line, Buffer.from('\n')]));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

it("mails what Java's console producer writes to notifications.requests", async () => {
  const { name: topic, subject } = system.kafka.topics.requests;
  const latest = await fetch(`${system.launched.env.SCHEMA_REGISTRY_URL}/subjects/${subject}/versions/latest`);
  const { id } = (await latest.json()) as { id: number };
  const [person] = findReachable(1);
  const requestId = randomUUID();
  const record = encodeByHand(id, { requestId, templateId: 'welcome', userId: person?.id ?? '' });
  // The console producer writes lines of text: what does not survive as UTF-8, or ends the line, must be told here. It
  // can only be the schema's id, which is small where ours are registered first (tests/support/infrastructure.ts).
  expect(Buffer.from(record.toString('utf8')).equals(record)).toBe(true);
  expect(record.includes('\n') || record.includes('\r')).toBe(false);

  const { code, output } = await runConsoleProducer(topic, record);
  expect(code, output).toBe(0);

  const mail = await system.inbox.untilMail(person?.email ?? '');
  expect(mail.subject).toBe(`Welcome to Lumen, ${person?.first_name}`);
  expect(mail.text).toContain('https://lumen.example/from-java');
  const request = await system.ingest.untilDone(requestId);
  expect(request).toMatchObject({ planned: 1, sent: 1 });
  const [notification] = await system.ingest.listNotifications({ request_id: requestId });
  const requestedAt = (await system.ingest.findNotification(notification?.notification_id ?? '')).journey[0]?.at ?? '';
  expect(Math.abs(Date.parse(requestedAt) - Date.now())).toBeLessThan(60_000);
});
