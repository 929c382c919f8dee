// One request, and every place that says how far it is: the API, the search, Follow, the list of mailings and their page.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { toLiveView } from '../../services/admin/mailing/live-view.ts';
import { findFollowedRequest } from '../../services/admin/queries/follow.ts';
import { listMailings } from '../../services/admin/queries/mailings-list.ts';
import { readNumbers } from '../../services/admin/queries/mailings-numbers.ts';
import { findRequest as findSearched } from '../../services/admin/queries/notifications.ts';
import { findRequest as findAsked } from '../../services/ingest/request-queries.ts';
import { useLedgerLab } from '../support/ledger-lab.ts';

const openLab = useLedgerLab();
const audience = { status: 'confirmed', isSeries: false, confirmedCount: null } as const;

it.each([
  ['running', 'its numbers balance', { state: 'running', sent: 3 }, 'done'],
  ['running', 'somebody has no end yet', { state: 'running', sent: 2 }, 'running'],
  ['planning', 'nobody has an end yet', { state: 'planning', sent: 0 }, 'planning'],
  ['done', 'somebody is sent once more', { state: 'done', sent: 2 }, 'running'],
  ['running', 'its channel is on hold, and nobody drives it', { state: 'running', sent: 2, isOnHold: true }, 'paused'],
  ['paused', 'it is paused', { state: 'paused', sent: 2, hold: 'paused' }, 'paused'],
  ['cancelled', 'everybody has an end', { state: 'cancelled', sent: 3 }, 'cancelled'],
  ['rejected', 'nobody was planned', { state: 'rejected', sent: 0 }, 'rejected'],
] as const)('a request whose row says %s while %s is called the same everywhere', async (_row, _why, facts, said) => {
  const { state, sent, hold, isOnHold } = { hold: undefined, isOnHold: false, ...facts };
  const { db } = await openLab();
  const id = randomUUID();
  await sql`
    insert into requests (request_id, body_hash, state, template_id, priority, is_promo, context, channel, planned, chunk_count,
      planning_complete, user_categories, requested_at, driven)
    values (${id}, '\\x00', ${state}, 'welcome', 'low', false, '{}', 'email', 3, 1, ${state !== 'planning'},
      '{active}', now(), ${!isOnHold})`.execute(db);
  if (sent > 0) {
    await sql`insert into counters (request_id, chunk_id, state, reason, count)
      values (${id}, ${randomUUID()}, 'sent', '', ${sent})`.execute(db);
  }
  if (hold) await db.insertInto('holds').values({ request_id: id, state: hold }).execute();
  if (isOnHold) {
    await sql`insert into sending_holds (scope, subject, author, reason) values ('channel', 'email', 'ada', 'test')`.execute(
      db,
    );
  }
  const [asked, searched, followed, [listed], numbers] = await Promise.all([
    findAsked(db, id),
    findSearched(db, id),
    findFollowedRequest(db, id),
    listMailings(db, {}),
    readNumbers(db, id),
  ]);
  expect([asked?.state, searched?.state, followed?.said]).toEqual([said, said, said]);
  // Pages of mailings say what people can do with it: planning is part of running there.
  const shown = said === 'planning' ? 'running' : said;
  expect([listed?.state, toLiveView(numbers, audience).state]).toEqual([shown, shown]);
  const [filtered] = await listMailings(db, { state: shown });
  if (state !== 'done' && sent < 3) expect(filtered?.id).toBe(id);
});
