// Wrong passwords, as the admin pages count them (services/admin/log-in-tries.ts) and as a new password forgets them.
import { createHash } from 'node:crypto';
import type { Db } from './db/database.ts';

/** What is typed as a name may be a password in the wrong field, so that only its hash is kept. */
export function toNameHash(name: string): Buffer {
  return createHash('sha256').update(toLogInName(name)).digest();
}

/** As names of log-ins are kept. */
export function toLogInName(typed: string): string {
  return typed.trim().toLowerCase();
}

/** Whoever has a new password begins anew, from everywhere. */
export async function forgetLogInTries(db: Db, name: string): Promise<void> {
  await db.deleteFrom('admin_log_in_tries').where('name_hash', '=', toNameHash(name)).execute();
}
