// What tests of the mailing pages do over and over: make a draft through its form, and write the rows that the planner and
// the dispatcher would.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { chunkId } from '../../domain/ids.ts';
import type { RequestState } from '../../domain/request-state.ts';
import type { Db } from '../../lib/db/database.ts';
import type { Visitor } from './admin-lab.ts';

export type Fields = Record<string, string | string[]>;

/** As the form of a new mailing sends it. @returns its id */
export async function makeDraft(editor: Visitor, fields: Fields = {}): Promise<string> {
  const id = randomUUID();
  const answer = await editor.post('/mailings', { mailing_id: id, title: 'News', template_id: 'welcome', ...fields });
  if (answer.status !== 303) throw new Error(`no draft was made: ${answer.status} ${await answer.text()}`);
  return id;
}

/** As the form of a draft sends it, with the revision that stands in the page. */
export async function saveDraft(editor: Visitor, id: string, fields: Fields): Promise<Response> {
  const page = await editor.page(`/mailings/${id}/edit`);
  const revision = /name="revision" value="(\d+)"/.exec(page)?.[1] ?? '';
  const usual = {
    title: 'News',
    template_id: 'welcome',
    priority: 'low',
    when: 'now',
    time_zone: 'UTC',
    expires: 'never',
  };
  return editor.post(`/mailings/${id}/edit`, { revision, ...usual, ...fields });
}

/** A draft that goes to these people or categories, confirmed on its check page. */
export async function makeConfirmed(sender: Visitor, fields: Fields): Promise<string> {
  const id = await makeDraft(sender);
  const saved = await saveDraft(sender, id, fields);
  if (saved.status !== 303) throw new Error(`the draft was not saved: ${saved.status} ${await saved.text()}`);
  const answer = await confirm(sender, id);
  if (answer.status !== 303) throw new Error(`it was not confirmed: ${answer.status} ${await answer.text()}`);
  return id;
}

/** Presses the button of the check page. */
export async function confirm(sender: Visitor, id: string): Promise<Response> {
  const page = await sender.page(`/mailings/${id}/check`);
  const field = (name: string) => new RegExp(`name="${name}" value="(\\d+)"`).exec(page)?.[1] ?? '';
  return sender.post(`/mailings/${id}/confirm`, { revision: field('revision'), version: field('version') });
}

interface Adopted {
  state?: RequestState;
  detail?: string;
  seriesId?: string;
  scheduledAt?: Date;
  planningComplete?: boolean;
  chunks?: string[][];
}

/** As the planner's runner takes a mailing up. @param id of the request: the mailing's, or a firing's */
export async function adopt(db: Db, id: string, adopted: Adopted = {}): Promise<void> {
  const { state = 'running', chunks = [], seriesId = null } = adopted;
  await sql`
    insert into requests (request_id, body_hash, state, detail, template_id, template_version, template_kind, channel,
      on_no_answer, priority, is_promo, context, user_categories, planned, chunk_count, planning_complete, requested_at,
      scheduled_at, driven, origin, series_id, people_from, started_at)
    select ${id}::uuid, '\\x00', ${state}, ${adopted.detail ?? ''}, m.template_id, coalesce(m.template_version, 1), 'common', 'email',
      'resend', m.priority, m.is_promo, m.context, m.user_categories, ${chunks.flat().length}, ${chunks.length},
      ${adopted.planningComplete ?? true}, now(), ${adopted.scheduledAt ?? null}, true,
      ${seriesId ? 'series' : 'mailing'}, ${seriesId}::uuid, m.mailing_id, now()
    from mailings m where m.mailing_id = ${seriesId ?? id}`.execute(db);
  for (const [sequence, ids] of chunks.entries()) {
    await sql`insert into chunks (request_id, sequence, user_ids, published_at)
      values (${id}, ${sequence}, ${ids}::text[], now())`.execute(db);
  }
}

/** As the dispatcher counts. */
export async function count(db: Db, id: string, sequence: number, state: string, reason: string, people: number) {
  await sql`insert into counters (request_id, chunk_id, state, reason, count)
    values (${id}, ${chunkId(id, sequence)}, ${state}, ${reason}, ${people})
    on conflict (request_id, chunk_id, state, reason) do update set count = excluded.count`.execute(db);
}

export async function setState(db: Db, id: string, state: RequestState): Promise<void> {
  await sql`update requests set state = ${state} where request_id = ${id}`.execute(db);
}

/** The page as text, without tags, for looking for sentences. */
export function wordsOf(html: string): string {
  return html
    .replace(/<script[\s\S]*?<\/script>|<[^>]+>/g, ' ')
    .replace(/&#39;|&#34;|&quot;/g, "'")
    .replace(/\s+/g, ' ');
}
