// A person leaves traces wherever the system is used: requests over HTTP and on the topic, mailings, files, tests, searches,
// holds, replays, reports. `posthorn person` finds them all, and after `posthorn erase` no table holds any.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { erase } from '../../cli/erase.ts';
import { person } from '../../cli/person.ts';
import { type Visitor, visit } from '../support/admin-lab.ts';
import { type CommandRunner, createCommandRunner } from '../support/command-runner.ts';
import { eventually } from '../support/eventually.ts';
import { type MailSink, startMailSink } from '../support/mail-sink.ts';
import { makeDraft, saveDraft } from '../support/mailing-desk.ts';
import { findReachable } from '../support/people.ts';
import { toRequestRecord } from '../support/request-record.ts';
import { type System, startSystem } from '../support/system.ts';
import { addTemplate } from '../support/templates.ts';

let system: System;
let sink: MailSink;
let admin: Visitor;
let runPerson: CommandRunner;
let runErase: CommandRunner;

const [her, other] = findReachable(2);
if (!her || !other) throw new Error('there are people');
const fullName = `${her.first_name} ${her.last_name}`;
/** In values that are for her alone. */
const note = 'only-she-knows-7f3c';
/** What the database must not hold afterwards, in any letters. */
const marks = [her.id, her.email, her.phone, fullName, note];

beforeAll(async () => {
  sink = await startMailSink();
  system = await startSystem({ name: 'erase', infrastructure: 'shared', env: { SMTP_URL: sink.smtpUrl } });
  await addTemplate(system.db, {
    templateId: 'plain',
    subject: 'Hi {{ first_name }}',
    text: '{{ note }} {{ last_name }}',
  });
  await addTemplate(system.db, { templateId: 'kept', subject: 'Hi {{ first_name }}', text: '{{ note }}' });
  await addTemplate(system.db, {
    templateId: 'short',
    channel: 'sms',
    subject: '',
    text: '{{ note }} {{ first_name }}',
  });
  admin = await visit(`http://127.0.0.1:${system.launched.ports.admin}`, 'admin', system.launched.adminPassword);
  runPerson = createCommandRunner(person, system.launched.env);
  runErase = createCommandRunner(erase, system.launched.env);
}, 180_000);

afterAll(async () => {
  await system?.stop();
  await sink?.stop();
});

/** Rows by table that hold one of these texts, in columns of any type; of bytes also what they spell. */
async function findTraces(): Promise<string[]> {
  const { rows: tables } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`.execute(system.db);
  const traces: string[] = [];
  for (const { name } of tables) {
    for (const mark of marks) {
      const hex = Buffer.from(mark).toString('hex');
      const { rows } = await sql<{ row: string }>`
        select t::text as row from ${sql.table(name)} t
        where position(${mark.toLowerCase()} in lower(t::text)) > 0 or position(${hex} in t::text) > 0`.execute(
        system.db,
      );
      traces.push(...rows.map(({ row }) => `${name} (${mark}): ${row.slice(0, 300)}`));
    }
  }
  return traces;
}

async function ok(answer: Promise<Response>): Promise<Response> {
  const response = await answer;
  if (![200, 202, 303].includes(response.status)) throw new Error(`${response.status} ${await response.text()}`);
  return response;
}

async function leaveTraces(): Promise<void> {
  const { ingest, db } = system;
  const context = { note, name: fullName, deep: [{ mail: her?.email }] };
  // Over HTTP: alone, with others, by SMS, later, by a key that names her; and by the topic.
  const mailed = await ingest.send(
    { template_id: 'plain', user_ids: [her?.id], context },
    { idempotencyKey: `welcome-${her?.id}` },
  );
  const shared = await ingest.send({
    template_id: 'plain',
    user_ids: [her?.id, other?.id],
    context: { note: 'for both' },
  });
  const texted = await ingest.send({ template_id: 'short', user_ids: [her?.id], context });
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  await ingest.send({ template_id: 'plain', user_ids: [her?.id], context, scheduled_at: inAnHour });
  await ingest.send({ template_id: 'plain', user_ids: [her?.id, other?.id], scheduled_at: inAnHour });
  const registered = await ingest.post('/user_registration', { user_id: her?.id });
  const record = toRequestRecord({ template_id: 'plain', user_ids: [her?.id ?? ''], context: JSON.stringify(context) });
  await system.kafka.request([record]);
  for (const id of [mailed, shared, texted, String(registered.body.request_id)]) await ingest.untilDone(id);
  await eventually(
    async () => (await ingest.findRequest(record.request_id).catch(() => undefined))?.state === 'done',
    'sent',
  );
  // Why something is kept back.
  const reason = `${fullName} <${her?.email}> called from ${her?.phone} (${her?.id})`;
  await ok(admin.post('/holds', { what: 'template', name: 'kept', reason, hours: '' }));
  // Its gateway is down: its text waits in Postgres.
  await system.setKnobs({ error_rate: 1, routes: 'sms' });
  await ingest.send({ template_id: 'short', user_ids: [her?.id], context });
  await eventually(async () => (await sql`select from waiting`.execute(db)).rows.length > 0, 'it waits');
  // The pages: her page, searches, the exact message, tests, a draft for her alone, and her on a list.
  await ok(admin.get(`/people/${her?.id}`));
  await ok(admin.get(`/people?q=${encodeURIComponent(her?.email ?? '')}`));
  const [notification] = await ingest.listNotifications({ request_id: mailed });
  await ok(admin.get(`/notifications/${notification?.notification_id}`));
  await ok(admin.get(`/notifications/${notification?.notification_id}/message`));
  await ok(admin.get(`/audit?subject=${encodeURIComponent(`person ${her?.id}`)}`));
  for (const address of ['editor@lumen.example', her?.email ?? '']) {
    const fields = { version: '1', address, user_id: her?.id ?? '', context: JSON.stringify({ note }) };
    await ok(admin.post('/templates/plain/test', fields));
  }
  const draft = await makeDraft(admin, { template_id: 'plain', title: `For ${fullName}` });
  await ok(
    saveDraft(admin, draft, {
      template_id: 'plain',
      title: `For ${fullName}`,
      people: her?.id ?? '',
      context_json: JSON.stringify(context),
    }),
  );
  const list = await makeDraft(admin, { template_id: 'plain' });
  await ok(saveDraft(admin, list, { template_id: 'plain', people: `${her?.id}\n${other?.id}` }));
  await ok(admin.post('/replays/new', { topic: 'requests', user: her?.id ?? '', from: '', until: '', rate: '500' }));
  // Reports and consent.
  const reports = [
    { type: 'bounce', address: her?.email, status: '4.2.2' },
    { type: 'complaint', notification_id: notification?.notification_id },
  ];
  expect((await ingest.post('/feedback', reports)).status).toBe(202);
  await ok(admin.post('/suppressions', { channel: 'sms', address: her?.phone ?? '', words: reason }));
  await ok(admin.post(`/people/${her?.id}/consent`, { channel: 'email', to: 'unsubscribed' }));
  // What a broken upload, and a mailing that the planner leaves alone, leave behind.
  await sql`insert into uploaded_people values (${randomUUID()}, 0, ${[her?.id, other?.id]})`.execute(db);
  await sql`insert into set_aside values (${randomUUID()}, ${`the user service fails for ${her?.id}`}, 1, now())`.execute(
    db,
  );
}

it('exports every trace of a person, and erases them all', async () => {
  await leaveTraces();
  const also = ['--also', fullName, '--also', her.phone, '--also', her.email];
  const before = await findTraces();
  const tables = [...new Set(before.map((trace) => trace.split(' ')[0]))].sort();
  expect(tables).toEqual([
    'accepted',
    'audit',
    'chunks',
    'deliveries',
    'feedback',
    'mailing_people',
    'mailings',
    'replays',
    'requests',
    'sending_holds',
    'set_aside',
    'suppressions',
    'test_sends',
    'unsubscribes',
    'uploaded_people',
    'waiting',
  ]);

  const exported = JSON.parse((await runPerson([her.id, '--json', ...also])).join('\n'));
  const full = Object.entries(exported.places as Record<string, unknown[]>).filter(([, rows]) => rows.length > 0);
  const covered = new Set(full.map(([name]) => name.replace(/_texts$/, '')));
  expect(tables.filter((table) => table !== undefined && !covered.has(table))).toEqual([]);
  expect(exported).toMatchObject({ user_id: her.id, erased_at: null });
  expect(exported.addresses).toEqual(expect.arrayContaining([{ channel: 'email', address: her.email }]));
  expect(JSON.stringify(exported.places.requests)).toContain(note);
  expect(exported.places.waiting).toMatchObject([{ record: { user_id: her.id, text: expect.stringContaining(note) } }]);
  expect(JSON.stringify(exported)).not.toContain(other.id);
  const text = (await runPerson([her.id, ...also])).join('\n');
  expect(text).toContain(`Written to at ${her.email} (email)`);
  expect(text).toContain('Not in here: what the user service knows of the person');

  const dry = (await runErase([her.id, ...also])).join('\n');
  expect(dry).toContain('Dry run: nothing was changed.');
  expect((await findTraces()).length).toBeGreaterThanOrEqual(before.length);

  const told = (await runErase([her.id, ...also, '--execute'])).join('\n');
  expect(told).toContain('Erased. Topics still hold records with the id: for 7 days');
  expect(told).toMatch(/Kept: the values \(context\) of \d+ requests and mailings to several people/);
  expect(await findTraces()).toEqual([]);
  const { rows } =
    await sql`select from audit where action = 'person.exported' and subject like 'person erased:%'`.execute(system.db);
  expect(rows.length).toBe(2);
}, 240_000);

it('sends nothing to somebody who was erased and is asked for again, and everything to the others', async () => {
  const taken = sink.mails.length;
  const again = await system.ingest.send({ template_id: 'plain', user_ids: [her.id, other.id] });
  const done = await system.ingest.untilDone(again);
  expect(done.reasons).toContainEqual({ state: 'skipped', reason: 'suppressed', count: 1 });
  expect(done.sent).toBe(1);
  expect(sink.mails.slice(taken).map(({ to }) => to)).toEqual([other.email]);
  // What asking for her has brought back goes as before; a call that comes again is answered, and plans nobody.
  expect((await runErase([her.id, '--execute'])).join('\n')).toContain('This person was erased on');
  expect(await findTraces()).toEqual([]);
  await runErase([her.id, '--readmit']);
  const back = await system.ingest.send({ template_id: 'plain', user_ids: [her.id] });
  expect(await system.ingest.untilDone(back)).toMatchObject({ sent: 1 });
}, 120_000);

it('says of somebody who is not known that nothing is stored, and of a wrong id what is wrong', async () => {
  await expect(runPerson(['nobody-at-all'])).rejects.toThrow("nothing is stored about 'nobody-at-all'");
  await expect(runPerson([])).rejects.toThrow('say whom');
  await expect(runPerson(['a b'])).rejects.toThrow("'a b' is not a user id");
});
