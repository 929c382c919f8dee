// The audit log: every change and every opened message, with who, when and what. Only ever added to.
import { type Db, withDatabase } from '../../lib/db/database.ts';
import type { AdminContext } from './parts.ts';

/**
 * @param action a verb and its object, such as `mailing.paused`, `message.opened`
 * @param subject `<what> <id>`, such as `template welcome`
 * @param detail what changed; never a body, a password or a key
 */
export async function writeAudit(
  db: Db,
  who: AdminContext | string,
  action: string,
  subject: string,
  detail: Record<string, unknown> = {},
): Promise<void> {
  const name = typeof who === 'string' ? who : who.var.session.name;
  await withDatabase(() =>
    db
      .insertInto('audit')
      .values({ who: name, action, subject, detail: JSON.stringify(detail) })
      .execute(),
  );
}
