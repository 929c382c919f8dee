// The planner on a real broker and a real Postgres: stored first, published, marked; and what comes twice.
import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadDemoTemplates } from '../../dev/demo/load-demo.ts';
import { chunkId } from '../../domain/ids.ts';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import { DependencyError } from '../../lib/errors.ts';
import type { NotificationRequested } from '../../lib/events.ts';
import { createPlannerStage } from '../../services/planner/planner-stage.ts';
import { createRequestStore, type RequestStore } from '../../services/planner/request-store.ts';
import { eventually } from '../support/eventually.ts';
import { openStageLab, type StageLab } from '../support/stage-lab.ts';
import { createTestDatabase } from '../support/test-database.ts';

interface PlannerLab extends StageLab {
  db: Db;
  /** Starts a planner whose store does what the test wants of it, such as fail once. */
  startPlanner(change?: (store: RequestStore) => RequestStore): { stop(): Promise<void> };
  ask(...events: NotificationRequested[]): Promise<void>;
}

async function openPlannerLab(): Promise<PlannerLab> {
  const lab = await openStageLab({ partitions: 1 });
  const { databaseUrl, drop } = await createTestDatabase('planner');
  const db = createDatabase({ url: databaseUrl, applicationName: 'test' });
  onTestFinished(async () => {
    await db.destroy();
    await drop();
  });
  await migrate(db);
  await loadDemoTemplates(db);
  const [, lane] = lab.topics.lanes.planner;
  if (!lane) throw new Error('no lane');
  return {
    ...lab,
    db,
    startPlanner: (change = (store) => store) =>
      lab.start(
        createPlannerStage(lane, {
          db,
          store: change(createRequestStore(db)),
          publisher: lab.publisher,
          topics: lab.topics,
          now: Date.now,
        }),
      ),
    ask: (...events) => lab.sendEvents(lab.topics.requests, events),
  };
}

const request = (changes: Partial<NotificationRequested> = {}): NotificationRequested => ({
  test: null,
  request_id: randomUUID(),
  template_id: 'welcome',
  priority: 'low',
  is_promo: false,
  user_ids: ['ada'],
  user_categories: [],
  context: '{}',
  requested_at: Date.now(),
  scheduled_at: null,
  expires_at: null,
  ...changes,
});
const stateOf = async (db: Db, id: string): Promise<string | undefined> =>
  (await db.selectFrom('requests').select('state').where('request_id', '=', id).executeTakeFirst())?.state;
const unpublished = async (db: Db): Promise<number> =>
  (await db.selectFrom('chunks').select('sequence').where('published_at', 'is', null).execute()).length;

describe('the planner', () => {
  it('plans each person once in chunks of 500, and marks what it has published', async () => {
    const lab = await openPlannerLab();
    const people = Array.from({ length: 1_100 }, (_, index) => `user-${index}`);
    const asked = request({ user_ids: [...people, 'user-0', 'user-1099'] });
    lab.startPlanner();
    await lab.ask(asked);
    const chunks = await lab.readEvents(lab.topics.planned.low, 3);
    expect(chunks.map((chunk) => chunk.chunk_id)).toEqual(
      [0, 1, 2].map((sequence) => chunkId(asked.request_id, sequence)),
    );
    expect(chunks.flatMap((chunk) => chunk.user_ids)).toEqual(people);
    await eventually(async () => (await unpublished(lab.db)) === 0, 'all chunks marked');
    const row = await lab.db.selectFrom('requests').selectAll().executeTakeFirstOrThrow();
    expect(row).toMatchObject({
      state: 'running',
      planned: 1_100,
      chunk_count: 3,
      planning_complete: true,
      template_version: 1,
    });
  });

  it('plans a record that was produced three times once', async () => {
    const lab = await openPlannerLab();
    const asked = request();
    lab.startPlanner();
    await lab.ask(asked, asked);
    await eventually(async () => (await stateOf(lab.db, asked.request_id)) === 'running', 'planned');
    await lab.ask({ ...asked, requested_at: asked.requested_at + 5_000 }, request({ user_ids: ['last'] }));
    const chunks = await lab.readEvents(lab.topics.planned.low, 2);
    expect(chunks.map((chunk) => chunk.user_ids)).toEqual([['ada'], ['last']]);
    expect(chunks[0]?.requested_at).toBe(asked.requested_at);
  });

  it('takes a request for promotional whose template is marked so, in its record and its row, and knows it again', async () => {
    const lab = await openPlannerLab();
    const asked = request({ template_id: 'monthly-statistics' });
    lab.startPlanner();
    await lab.ask(asked, asked, request());
    const [marked, plain] = await lab.readEvents(lab.topics.planned.low, 2);
    expect([marked?.is_promo, plain?.is_promo]).toEqual([true, false]);
    const row = await lab.db
      .selectFrom('requests')
      .select('is_promo')
      .where('request_id', '=', asked.request_id)
      .executeTakeFirstOrThrow();
    expect(row.is_promo).toBe(true);
    await lab.ask(asked, request({ user_ids: ['last'] }));
    expect((await lab.readEvents(lab.topics.planned.low, 3))[2]?.user_ids).toEqual(['last']);
  });

  it('keeps the template version of the first time when it goes on after a crash', async () => {
    const lab = await openPlannerLab();
    const asked = request();
    // A row and its chunk are stored; then the process dies before anything is published.
    const dying = lab.startPlanner((store) => ({
      ...store,
      async insert(requests) {
        await store.insert(requests);
        throw new DependencyError('postgres', 'as if it died here');
      },
    }));
    await lab.ask(asked);
    await eventually(async () => (await stateOf(lab.db, asked.request_id)) === 'running', 'stored');
    await dying.stop();
    expect(await unpublished(lab.db)).toBe(1);

    await lab.db.transaction().execute(async (change) => {
      await change
        .insertInto('template_versions')
        .values({
          template_id: 'welcome',
          version: 2,
          subject: 'new',
          text: 'new',
          html: null,
          from_name: null,
          reply_to: null,
        })
        .execute();
      await change.updateTable('templates').set({ active_version: 2 }).where('template_id', '=', 'welcome').execute();
    });
    lab.startPlanner();
    const later = request();
    await lab.ask(later);
    const chunks = await lab.readEvents(lab.topics.planned.low, 2);
    expect(chunks.map((chunk) => [chunk.request_id, chunk.template_version])).toEqual([
      [asked.request_id, 1],
      [later.request_id, 2],
    ]);
  });

  it('puts another body under a known id aside and leaves the first request alone', async () => {
    const lab = await openPlannerLab();
    const asked = request();
    lab.startPlanner();
    await lab.ask(asked);
    await eventually(async () => (await stateOf(lab.db, asked.request_id)) === 'running', 'planned');
    await lab.ask({ ...asked, user_ids: ['eve'] });
    const [letter] = await lab.read(lab.topics.deadLetters.planner.name, 1);
    expect(letter?.headers?.['dlt-error-code']?.toString()).toBe('request_conflict');
    expect((await lab.readEvents(lab.topics.planned.low, 1)).map((chunk) => chunk.user_ids)).toEqual([['ada']]);
  });

  it('says rejected for an unknown template, and plans the same record after the template was made', async () => {
    const lab = await openPlannerLab();
    const asked = request({ template_id: 'spring-sale' });
    lab.startPlanner();
    await lab.ask(asked, request({ user_ids: ['next'] }));
    const [letter] = await lab.read(lab.topics.deadLetters.planner.name, 1);
    expect(letter?.headers?.['dlt-error-code']?.toString()).toBe('template_unknown');
    expect(await stateOf(lab.db, asked.request_id)).toBe('rejected');
    expect((await lab.readEvents(lab.topics.planned.low, 1)).map((chunk) => chunk.user_ids)).toEqual([['next']]);

    await lab.db.transaction().execute(async (change) => {
      await change
        .insertInto('templates')
        .values({
          template_id: 'spring-sale',
          legacy_number: null,
          title: 'Spring',
          kind: 'common',
          channel: 'email',
          active_version: 1,
          archived_at: null,
        })
        .execute();
      await change
        .insertInto('template_versions')
        .values({
          template_id: 'spring-sale',
          version: 1,
          subject: 's',
          text: 't',
          html: null,
          from_name: null,
          reply_to: null,
        })
        .execute();
    });
    await lab.ask(asked);
    const chunks = await lab.readEvents(lab.topics.planned.low, 2);
    expect(chunks[1]?.request_id).toBe(asked.request_id);
    expect(await stateOf(lab.db, asked.request_id)).toBe('running');
  });

  it('stores requests with a category or a later time and publishes nothing of them', async () => {
    const lab = await openPlannerLab();
    const audience = request({ user_categories: ['active'] });
    const later = request({ scheduled_at: Date.now() + 3_600_000 });
    const last = request();
    lab.startPlanner();
    await lab.ask(audience, later, last);
    const chunks = await lab.readEvents(lab.topics.planned.low, 1);
    expect(chunks.map((chunk) => chunk.request_id)).toEqual([last.request_id]);
    expect(await stateOf(lab.db, audience.request_id)).toBe('planning');
    expect(await stateOf(lab.db, later.request_id)).toBe('scheduled');
    const stored = await lab.db
      .selectFrom('requests')
      .selectAll()
      .where('request_id', '=', audience.request_id)
      .executeTakeFirstOrThrow();
    expect(stored).toMatchObject({
      user_ids: ['ada'],
      user_categories: ['active'],
      planning_complete: false,
      template_version: 1,
    });
  });

  it('takes a test-send that the admin service has noted, with its version and for its address, and no other', async () => {
    const lab = await openPlannerLab();
    const test = { address: 'me@example.com', template_version: 1 };
    const asked = request({ test });
    await lab.db
      .insertInto('test_sends')
      .values({
        request_id: asked.request_id,
        template_id: 'welcome',
        template_version: 1,
        address: 'me@example.com',
        user_id: 'ada',
        created_by: 'admin',
      })
      .execute();
    const stranger = request({ test });
    const changed = { ...asked, request_id: randomUUID(), test: { ...test, address: 'eve@example.com' } };
    await lab.db
      .insertInto('test_sends')
      .columns(['request_id', 'template_id', 'template_version', 'address', 'user_id', 'created_by'])
      .expression((eb) =>
        eb
          .selectFrom('test_sends')
          .select([
            eb.val(changed.request_id).as('request_id'),
            'template_id',
            'template_version',
            'address',
            'user_id',
            'created_by',
          ]),
      )
      .execute();
    lab.startPlanner();
    await lab.ask(stranger, changed, asked);
    const [chunk] = await lab.readEvents(lab.topics.planned.low, 1);
    expect(chunk).toMatchObject({ request_id: asked.request_id, test_address: 'me@example.com', template_version: 1 });
    const letters = await lab.read(lab.topics.deadLetters.planner.name, 2);
    expect(letters.map((letter) => letter.headers?.['dlt-error-code']?.toString())).toEqual([
      'test_unknown',
      'test_differs',
    ]);
    const rows = await lab.db.selectFrom('requests').selectAll().orderBy('stored_at').execute();
    expect(new Map(rows.map((row) => [row.request_id, [row.state, row.origin, row.test_address]]))).toEqual(
      new Map([
        [stranger.request_id, ['rejected', 'test', null]],
        [changed.request_id, ['rejected', 'test', null]],
        [asked.request_id, ['running', 'test', 'me@example.com']],
      ]),
    );
    // The same record again says nothing else.
    await lab.ask(asked, request({ user_ids: ['last'] }));
    const chunks = await lab.readEvents(lab.topics.planned.low, 2);
    expect(chunks.map((each) => each.user_ids)).toEqual([['ada'], ['last']]);
  });
});
