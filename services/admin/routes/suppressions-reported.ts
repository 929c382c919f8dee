// /suppressions/reported: what one API key has suppressed by its reports, to be lifted at once where it went wrong.
import { isUuid } from '../../../domain/ids.ts';
import { readForm } from '../forms.ts';
import { done, page } from '../page.ts';
import { PageError } from '../page-error.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { liftReported, listReporters, lookAtReported, type ReportedBy } from '../queries/suppressions-reported.ts';
import { queryText, readQuery } from '../query.ts';
import { requireAbility } from '../roles.ts';

const shown = 20;

export function suppressionsReported(app: AdminApp, parts: Parts): void {
  app.get('/suppressions/reported', (c) => show(c, parts));
  app.post('/suppressions/reported/lift', (c) => lift(c, parts));
}

async function show(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'support');
  const readText = (text: string) => toTime(text) && text;
  const since = readQuery(c, 'since', readText) ?? '';
  const until = readQuery(c, 'until', readText) ?? '';
  const reporters = await listReporters(parts.db);
  const key = queryText(c, 'key') || (reporters[0]?.api_key_id ?? '');
  const wanted = key === '' ? undefined : readWanted({ key, since, until });
  return page(c, parts, 'suppressions/reported', {
    title: 'Suppressed by reports',
    reporters,
    key,
    since,
    until,
    reporter: reporters.find((one) => one.api_key_id === key),
    found: wanted && (await lookAtReported(parts.db, wanted, shown)),
  });
}

async function lift(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'support');
  const { fields } = await readForm(c);
  const wanted = readWanted({ key: fields.key ?? '', since: fields.since ?? '', until: fields.until ?? '' });
  const count = await liftReported(parts.db, c.var.session.name, wanted);
  if (count === 0) return done(c, '/suppressions', 'None of these was suppressed any more.');
  const people = count === 1 ? '1 address' : `${count.toLocaleString('en')} addresses`;
  return done(c, '/suppressions', `Messages may be sent to ${people} again.`);
}

function readWanted({ key, since, until }: { key: string; since: string; until: string }): ReportedBy {
  if (!isUuid(key)) throw new PageError(404, 'There is no such API key.');
  return { apiKeyId: key, since: readTime(since), until: readTime(until) };
}

function readTime(text: string): Date | undefined {
  if (text === '') return undefined;
  const time = toTime(text);
  if (!time) throw new PageError(400, 'A time is written as 2026-12-31T18:00.');
  return time;
}

/** As the field gives it, in UTC. @returns undefined for what is no time */
function toTime(text: string): Date | undefined {
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?$/.test(text) ? new Date(`${text}Z`) : undefined;
  return time && !Number.isNaN(time.getTime()) ? time : undefined;
}
