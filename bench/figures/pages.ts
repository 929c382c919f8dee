// How long every admin page takes with a million deliveries and a thousand mailings stored: the time until the last byte,
// the middle and the slowest of many tries. The rows are made by statements; how they came to be makes no difference to a page.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
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

// Chunk and notification ids are drawn here: pages that look one up by its computed id are measured on the way there.
async function insertDeliveries(db: Db): Promise<void> {
  await sql`
    insert into deliveries (month, notification_id, request_id, chunk_id, user_id, channel, address, template_id,
      template_version, priority, state, reason, stage, attempt, requested_at, planned_at, enriched_at, rendered_at,
      claimed_at, ended_at, rendered_partition, rendered_offset)
    select date_trunc('month', now())::date, gen_random_uuid(), r.request_id,
      md5(r.request_id::text || (n / ${perChunk}::int))::uuid, 'person-' || (n % 300000), 'email',
      'person-' || (n % 300000) || '@example.com', ${letterTemplate}, 1, 'low',
      case n % 100 when 0 then 'failed' when 1 then 'skipped' else 'sent' end,
      case n % 100 when 0 then 'refused' when 1 then 'no_consent' else '' end, 'dispatcher', 1,
      now(), now(), now(), now(), now(), now(), 0, n
    from requests r, generate_series(0, r.planned - 1) n
    where r.origin = 'mailing' and r.body_hash = ''::bytea`.execute(db);
  await sql`
    insert into counters (request_id, chunk_id, state, reason, count)
    select request_id, chunk_id, state, reason, count(*) from deliveries
    where request_id in (select request_id from requests where body_hash = ''::bytea)
    group by 1, 2, 3, 4`.execute(db);
  await sql`
    insert into chunks (request_id, sequence, user_ids, published_at)
    select request_id, n, array(select 'person-' || ((n * ${perChunk}::int + i) % 300000)
      from generate_series(0, ${perChunk - 1}::int) i), now()
    from requests, generate_series(0, chunk_count - 1) n where body_hash = ''::bytea`.execute(db);
  await sql`
    insert into delivery_minutes (minute, worker, priority, state, reason, count)
    select date_trunc('minute', now()) - make_interval(mins => m), gen_random_uuid(), 'low', s, '', 10
    from generate_series(1, 30 * 24 * 60) m, unnest(array['sent', 'failed', 'skipped']) s`.execute(db);
}
