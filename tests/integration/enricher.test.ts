// The enricher on a real broker, with a user service that can be troubled.
import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDatabase } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import type { ChunkPlanned } from '../../lib/events.ts';
import { findPeopleByHash, rememberAddresses } from '../../lib/known-addresses.ts';
import { createUserService } from '../../lib/user-service.ts';
import { createEnricherStage } from '../../services/enricher/enricher-stage.ts';
import { createErased } from '../../services/enricher/erased.ts';
import { createUnsubscribes } from '../../services/enricher/unsubscribes.ts';
import { startUserMock } from '../../user-mock/app.ts';
import { eventually } from '../support/eventually.ts';
import { startFreezableProxy } from '../support/freezable-proxy.ts';
import { openStageLab } from '../support/stage-lab.ts';
import { createTestDatabase } from '../support/test-database.ts';

const secret = 'a secret of the tests';

async function openDatabase() {
  const { databaseUrl, drop } = await createTestDatabase('enricher');
  const db = createDatabase({ url: databaseUrl, applicationName: 'test' });
  onTestFinished(async () => {
    await db.destroy();
    await drop();
  });
  await migrate(db);
  return { db, databaseUrl };
}

async function openEnricherLab() {
  const database = await openDatabase();
  const lab = await openStageLab({ partitions: 1 });
  const mock = await startUserMock({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => mock.stop());
  const setKnobs = async (knobs: object) => {
    const answer = await fetch(`${mock.url}/knobs`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(knobs),
    });
    expect(answer.status).toBe(200);
  };
  const page = (await (await fetch(`${mock.url}/users?category=active&limit=200`)).json()) as {
    users: { id: string; email: string | null; promo_agree: boolean }[];
  };
  const lane = lab.topics.lanes.enricher.find(({ name }) => name === 'low');
  if (!lane) throw new Error('no lane');
  const startEnricher = (databaseUrl = database.databaseUrl) => {
    const userService = createUserService({ url: mock.url, timeoutMs: 300 });
    const db = createDatabase({ url: databaseUrl, applicationName: 'test', onIdleError: () => {} });
    onTestFinished(() => db.destroy());
    const erased = createErased(db, secret);
    return lab.start(
      createEnricherStage(lane, lab.topics.enriched, userService, createUnsubscribes(db), erased, (known) =>
        rememberAddresses(db, secret, known),
      ),
    );
  };
  return { ...lab, db: database.db, databaseUrl: database.databaseUrl, setKnobs, people: page.users, startEnricher };
}

const chunk = (userIds: string[], changes: Partial<ChunkPlanned> = {}): ChunkPlanned => ({
  test_address: null,
  chunk_id: randomUUID(),
  request_id: randomUUID(),
  sequence: 0,
  priority: 'low',
  is_promo: true,
  template_id: 'monthly-statistics',
  template_version: 1,
  template_kind: 'monthly_personal_statistic',
  channel: 'email',
  on_no_answer: 'park',
  context: '{}',
  requested_at: Date.now(),
  planned_at: Date.now(),
  expires_at: null,
  user_ids: userIds,
  ...changes,
});

describe('the enricher', () => {
  it('forwards who may get it and says of everybody else why not', async () => {
    const lab = await openEnricherLab();
    const reachable = lab.people.filter((person) => person.promo_agree && person.email).map(({ id }) => id);
    lab.startEnricher();
    await lab.sendEvents(lab.topics.planned.low, [chunk([...lab.people.map(({ id }) => id), 'nobody'])]);
    const enriched = await lab.readEvents(lab.topics.enriched.low, reachable.length);
    expect(enriched.map((event) => event.user_id).sort()).toEqual(reachable.sort());
    expect(enriched.every((event) => 'films_month_count' in JSON.parse(event.collected))).toBe(true);
    const outcomes = await lab.readEvents(lab.topics.outcomes, lab.people.length + 1 - reachable.length);
    expect(new Set(outcomes.map((outcome) => outcome.reason))).toEqual(
      new Set(['no_consent', 'no_address', 'unknown_user']),
    );
    // Whoever ended with an address is found by it, though no outcome carries one.
    const withAddress = lab.people.filter((person) => !person.promo_agree && person.email);
    const found = await Promise.all(
      lab.people.map(({ email }) => findPeopleByHash(lab.db, secret, 'email', email?.toUpperCase() ?? '')),
    );
    expect(withAddress.length).toBeGreaterThan(5);
    expect(found.flat().sort()).toEqual(withAddress.map(({ id }) => id).sort());
    const told = JSON.stringify(outcomes);
    expect(withAddress.filter(({ email }) => told.includes(email ?? ''))).toEqual([]);
  });

  it('skips who unsubscribed, from promotional messages of that channel only', async () => {
    const lab = await openEnricherLab();
    const [ada, bob] = lab.people.filter((person) => person.promo_agree && person.email);
    if (!ada || !bob) throw new Error('no people');
    await lab.db
      .insertInto('unsubscribes')
      .values([
        { user_id: ada.id, channel: 'email', source: 'page' },
        { user_id: bob.id, channel: 'sms', source: 'page' },
      ])
      .execute();
    lab.startEnricher();
    const both = [ada.id, bob.id];
    const [promotional, other] = [chunk(both), chunk(both, { is_promo: false })];
    const test = chunk([ada.id], { test_address: 'me@example.com' });
    await lab.sendEvents(lab.topics.planned.low, [promotional, other, test]);
    const enriched = await lab.readEvents(lab.topics.enriched.low, 4);
    const sorted = (pairs: string[][]) => pairs.map((pair) => pair.join(' ')).sort();
    expect(sorted(enriched.map((event) => [event.request_id, event.user_id]))).toEqual(
      sorted([
        [promotional.request_id, bob.id],
        [other.request_id, ada.id],
        [other.request_id, bob.id],
        [test.request_id, ada.id],
      ]),
    );
    expect(enriched.find((event) => event.is_test)).toMatchObject({ address: 'me@example.com', user_id: ada.id });
    expect(await lab.readEvents(lab.topics.outcomes, 1)).toMatchObject([
      {
        request_id: promotional.request_id,
        user_id: ada.id,
        state: 'skipped',
        reason: 'unsubscribed',
        stage: 'enricher',
      },
    ]);
  });

  it('waits while Postgres is gone, mails nobody who may have unsubscribed, and goes on by itself', async () => {
    const lab = await openEnricherLab();
    const target = new URL(lab.databaseUrl);
    const upstream = { host: target.hostname, port: Number(target.port) };
    const gone = await startFreezableProxy(upstream);
    target.port = String(gone.port);
    await gone.stop();
    const person = lab.people.find(({ promo_agree, email }) => promo_agree && email);
    const stage = lab.startEnricher(target.href);
    await lab.sendEvents(lab.topics.planned.low, [chunk([person?.id ?? ''])]);
    await eventually(() => stage.waitingFor() === 'postgres', 'the lane waits for Postgres');
    const back = await startFreezableProxy(upstream, gone.port);
    onTestFinished(() => back.stop());
    expect(await lab.readEvents(lab.topics.enriched.low, 1)).toMatchObject([{ user_id: person?.id }]);
    await eventually(() => stage.waitingFor() === undefined, 'the lane goes on');
    expect(lab.fatal).toEqual([]);
  });

  it.each([
    ['answers with errors', { error_rate: 1 }],
    ['answers rubbish', { garbage_rate: 1 }],
    ['never answers', { hang_rate: 1 }],
  ])('waits while the user service %s, judges nobody, and goes on by itself', async (_, knobs) => {
    const lab = await openEnricherLab();
    await lab.setKnobs(knobs);
    const stage = lab.startEnricher();
    const ids = lab.people.slice(0, 3).map(({ id }) => id);
    await lab.sendEvents(lab.topics.planned.low, [chunk(ids, { is_promo: false, channel: 'email' })]);
    await eventually(() => stage.waitingFor() === 'user-service', 'the lane waits for the user service');
    await lab.setKnobs({});
    await eventually(() => stage.waitingFor() === undefined, 'the lane goes on');
    expect((await lab.readEvents(lab.topics.enriched.low, 3)).map((event) => event.user_id).sort()).toEqual(ids.sort());
    expect(lab.fatal).toEqual([]);
  });

  it('puts a chunk of an unknown kind aside and ends all its people', async () => {
    const lab = await openEnricherLab();
    const ids = lab.people.slice(0, 2).map(({ id }) => id);
    lab.startEnricher();
    await lab.sendEvents(lab.topics.planned.low, [
      chunk(ids, { template_kind: 'horoscope' }),
      chunk(ids, { is_promo: false }),
    ]);
    const outcomes = await lab.readEvents(lab.topics.outcomes, 2);
    expect(outcomes.map(({ user_id, state, reason }) => [user_id, state, reason])).toEqual(
      ids.map((id) => [id, 'failed', 'dead_lettered']),
    );
    expect(await lab.read(lab.topics.deadLetters.enricher.name, 1)).toHaveLength(1);
    await lab.readEvents(lab.topics.enriched.low, 1);
  });
});
