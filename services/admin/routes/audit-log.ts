// /audit: who changed what, and who opened which message.
import { page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { listAudit, listAuditKinds } from '../queries/audit-log.ts';
import { queryText, readQuery } from '../query.ts';
import { requireAbility } from '../roles.ts';

const rowsAtATime = 100;

export function auditLog(app: AdminApp, parts: Parts): void {
  app.get('/audit', (c) => show(c, parts));
}

async function show(c: AdminContext, parts: Parts): Promise<Response> {
  // Who does not give access to others reads what they did themselves.
  const isAll = c.var.session.abilities.has('access');
  if (!isAll) requireAbility(c, 'operate');
  const ownName = c.var.session.name;
  const given = (name: string): string | undefined => {
    const text = queryText(c, name);
    return text === '' ? undefined : text;
  };
  const filter = { who: isAll ? given('who') : ownName, action: given('action'), subject: given('subject') };
  const after = readQuery(c, 'after', (text) => (/^\d{1,15}$/.test(text) ? Number(text) : undefined));
  const [{ rows, next }, kinds] = await Promise.all([
    listAudit(parts.db, { ...filter, after, limit: rowsAtATime }),
    listAuditKinds(parts.db, isAll ? undefined : ownName),
  ]);
  const link = (changes: Record<string, string | number>): string => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...filter, ...changes })) {
      if (value !== undefined) query.set(name, String(value));
    }
    return `/audit?${query}`;
  };
  return page(c, parts, 'audit/list', {
    title: 'Audit log',
    filter,
    isAll,
    isFiltered: (isAll && filter.who !== undefined) || filter.action !== undefined || filter.subject !== undefined,
    isLater: after !== undefined,
    kinds,
    rows: rows.map((row) => ({
      ...row,
      detail: toPairs(row.detail),
      href: subjectPath(row.subject),
      sameSubject: link({ subject: row.subject }),
    })),
    next: next === undefined ? undefined : link({ after: next }),
  });
}

/** What stands in a detail, one line each. */
function toPairs(detail: unknown): [name: string, value: string][] {
  if (typeof detail !== 'object' || detail === null) return [];
  return Object.entries(detail).map(([name, value]) => [name, toText(value)]);
}

function toText(value: unknown): string {
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Subjects are `<what> <id>`: some have a page of their own. */
const pages: Readonly<Record<string, string>> = {
  person: '/people/',
  notification: '/notifications/',
  mailing: '/mailings/',
  template: '/templates/',
};

function subjectPath(subject: string): string | undefined {
  const [what = '', id = '', more] = subject.split(' ');
  const path = Object.hasOwn(pages, what) ? pages[what] : undefined;
  return path !== undefined && id !== '' && more === undefined ? `${path}${encodeURIComponent(id)}` : undefined;
}
