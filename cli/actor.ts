// Who does what a command does, as the audit log names them.
import type { Environment } from '../lib/config.ts';
import { type Db, withDatabase } from '../lib/db/database.ts';
import { PosthornError } from '../lib/errors.ts';
import { type Ability, abilitiesOf, roles } from '../services/admin/roles.ts';

/** The account of the machine: nobody has proved more. */
export const systemUser = (env: Environment): string => env.USER || env.LOGNAME || 'somebody';

/**
 * Of `--as`: a name in the audit log is that of somebody who has a log-in, and who may do the same in the pages.
 * @throws PosthornError not_allowed
 */
export async function requireLogIn(db: Db, name: string, ability: Ability): Promise<void> {
  const row = await withDatabase(() =>
    db.selectFrom('admin_users').select(['roles', 'disabled_at']).where('name', '=', name).executeTakeFirst(),
  );
  if (row && row.disabled_at === null && abilitiesOf(row.roles).has(ability)) return;
  const fitting = roles.filter((role) => abilitiesOf([role]).has(ability));
  throw new PosthornError(
    'not_allowed',
    `'${name.replace(/[^\x20-\x7e]/g, '?').slice(0, 64)}' is no log-in with the role ${fitting.join(' or ')} that is enabled; \`posthorn users list\` shows them`,
  );
}
