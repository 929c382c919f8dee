// How long every admin page takes with a million deliveries and a thousand mailings stored: the time until the last byte,
// the middle and the slowest of many tries. The rows are made by statements; how they came to be makes no difference to a page.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { chunkId, notificationId } from '../../domain/ids.ts';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { type AdminClient, logIn } from '../admin-client.ts';
import { BenchError } from '../bench-error.ts';
import { letterTemplate } from '../bench-mail.ts';
import { percentile } from '../percentile.ts';
import type { FigureContext } from '../run.ts';

export interface PageFigure {
  path: string;
  p50Ms: number;
  maxMs: number;
  bytes: number;
}

export interface PagesFigures {
  deliveryCount: number;
  mailingCount: number;
  tryCount: number;
  pages: PageFigure[];
}

const deliveryCount = 1_000_000;
const mailingCount = 1_000;
const tryCount = 15;
const perChunk = 500;

export async function measurePages({ system: { launched }, signal, log }: FigureContext): Promise<PagesFigures> {
  const db = createDatabase({
    url: launched.env.DATABASE_URL ?? '',
    applicationName: 'posthorn-bench',
    maxConnections: 2,
  });
  try {
    log(`storing ${deliveryCount} deliveries and ${mailingCount} mailings`);
    const stored = await store(db);
    const admin = await logIn(launched);
    const pages: PageFigure[] = [];
    for (const path of pathsOf(stored)) {
      signal.throwIfAborted();
      pages.push(await measurePage(admin, path));
    }
    return { deliveryCount, mailingCount, tryCount, pages };
  } finally {
    await db.destroy();
  }
}

interface Stored {
  bigMailingId: string;
  notificationId: string;
  userId: string;
  address: string;
}

function pathsOf({ bigMailingId, notificationId, userId, address }: Stored): string[] {
  return [
    '/',
    '/mailings',
    '/mailings?state=done',
    `/mailings/${bigMailingId}`,
    `/mailings/${bigMailingId}/people?state=failed&reason=refused`,
    '/mailings/new',
    '/templates',
    `/templates/${letterTemplate}`,
    '/people',
    `/people?q=${encodeURIComponent(address)}`,
    `/people/${userId}`,
    `/notifications/${notificationId}`,
    '/suppressions',
    '/topics',
    '/topics/notifications.rendered.low',
    '/access',
    '/audit',
  ];
}

async function measurePage(admin: AdminClient, path: string): Promise<PageFigure> {
  const times: number[] = [];
  let bytes = 0;
  // The first one parses the page's template: it is tried, and not counted.
  for (let attempt = 0; attempt <= tryCount; attempt += 1) {
    const { status, durationMs, text } = await admin.get(path);
    if (status >= 400) throw new BenchError(`${path} answered ${status}`);
    bytes = Buffer.byteLength(text);
    if (attempt > 0) times.push(durationMs);
  }
  return { path, p50Ms: percentile(times, 50), maxMs: Math.max(...times), bytes };
}

/** One mailing has half of the deliveries, the others share the rest; one in a hundred failed, as many were skipped. */
async function store(db: Db): Promise<Stored> {
  const bigMailingId = randomUUID();
  await insertMailings(db, bigMailingId);
  await insertDeliveries(db);
  const { rows } = await sql<{ notification_id: string; user_id: string; address: string }>`
    select notification_id, user_id, address from deliveries where request_id = ${bigMailingId} limit 1`.execute(db);
  const one = rows[0];
  if (!one) throw new BenchError('no deliveries were stored');
  for (const table of ['deliveries', 'counters', 'chunks', 'requests', 'mailings', 'audit', 'delivery_minutes']) {
    await sql.raw(`vacuum analyze ${table}`).execute(db);
  }
  return { bigMailingId, notificationId: one.notification_id, userId: one.user_id, address: one.address };
}

async function insertMailings(db: Db, bigMailingId: string): Promise<void> {
  await sql`
    insert into mailings (mailing_id, status, title, template_id, template_version, user_categories, confirmed_at,
      confirmed_by, confirmed_count, created_at)
    select case n when 1 then ${bigMailingId}::uuid else gen_random_uuid() end, 'confirmed', 'Bench mailing ' || n,
      ${letterTemplate}, 1, '{active}', now() - make_interval(hours => n), 'bench', 500, now() - make_interval(hours => n)
    from generate_series(1, ${mailingCount}::int) n`.execute(db);
  await sql`
    insert into requests (request_id, body_hash, state, template_id, template_version, template_kind, channel,
      on_no_answer, priority, is_promo, context, user_categories, planned, chunk_count, planning_complete, requested_at,
      stored_at, driven, origin, started_at, ended_at)
    select mailing_id, ''::bytea, 'done', template_id, 1, 'common', 'email', 'resend', 'low', false, '{}', '{active}',
      n.planned, n.planned / ${perChunk}::int, true, now(), created_at, true, 'mailing', created_at, created_at
    from mailings,
      lateral (select case when mailing_id = ${bigMailingId}::uuid then ${deliveryCount / 2}::int else 500 end as planned) n
    where confirmed_by = 'bench'`.execute(db);
}

/** With the ids that the pipeline would have computed: pages find people by them. */
async function insertDeliveries(db: Db): Promise<void> {
  const { rows } = await sql<{ request_id: string; planned: number }>`
    select request_id, planned from requests where origin = 'mailing' and body_hash = ''::bytea`.execute(db);
  let chunks: Chunk[] = [];
  for (const { request_id: requestId, planned } of rows) {
    for (let sequence = 0; sequence * perChunk < planned; sequence += 1) {
      chunks.push({ requestId, sequence });
      if (chunks.length < chunksPerStatement) continue;
      await insertChunks(db, chunks);
      chunks = [];
    }
  }
  if (chunks.length > 0) await insertChunks(db, chunks);
  await sql`
    insert into counters (request_id, chunk_id, state, reason, count)
    select request_id, chunk_id, state, reason, count(*) from deliveries
    where request_id in (select request_id from requests where body_hash = ''::bytea)
    group by 1, 2, 3, 4`.execute(db);
  await sql`
    insert into delivery_minutes (minute, worker, priority, state, reason, count)
    select date_trunc('minute', now()) - make_interval(mins => m), gen_random_uuid(), 'low', s, '', 10
    from generate_series(1, 30 * 24 * 60) m, unnest(array['sent', 'failed', 'skipped']) s`.execute(db);
}

interface Chunk {
  requestId: string;
  sequence: number;
}

const chunksPerStatement = 10;
/** More than the largest mailing has: nobody is in one twice. */
const personCount = 600_000;

async function insertChunks(db: Db, chunks: readonly Chunk[]): Promise<void> {
  const people = chunks.flatMap(({ requestId, sequence }) => {
    const chunk = chunkId(requestId, sequence);
    return Array.from({ length: perChunk }, (_, place) => {
      const number = sequence * perChunk + place;
      const userId = `person-${number % personCount}`;
      return { requestId, chunk, userId, id: notificationId(requestId, userId, 'email'), number };
    });
  });
  await sql`
    insert into deliveries (month, notification_id, request_id, chunk_id, user_id, channel, address, template_id,
      template_version, priority, state, reason, stage, attempt, requested_at, planned_at, enriched_at, rendered_at,
      claimed_at, ended_at, rendered_partition, rendered_offset)
    select date_trunc('month', now())::date, g.id, g.request_id, g.chunk_id, g.user_id, 'email',
      g.user_id || '@example.com', ${letterTemplate}, 1, 'low',
      case number % 100 when 0 then 'failed' when 1 then 'skipped' else 'sent' end,
      case number % 100 when 0 then 'refused' when 1 then 'no_consent' else '' end,
      'dispatcher', 1, now(), now(), now(), now(), now(), now(), 0, number
    from unnest(${people.map(({ id }) => id)}::uuid[], ${people.map(({ requestId }) => requestId)}::uuid[],
      ${people.map(({ chunk }) => chunk)}::uuid[], ${people.map(({ userId }) => userId)}::text[],
      ${people.map(({ number }) => number)}::int[]) as g (id, request_id, chunk_id, user_id, number)`.execute(db);
  await sql`
    insert into chunks (request_id, sequence, user_ids, published_at)
    select c.request_id, c.sequence, array(select 'person-' || ((c.sequence * ${perChunk}::int + i) % ${personCount}::int)
      from generate_series(0, ${perChunk - 1}::int) i), now()
    from unnest(${chunks.map(({ requestId }) => requestId)}::uuid[], ${chunks.map(({ sequence }) => sequence)}::int[])
      as c (request_id, sequence)`.execute(db);
}
