// /access: who may log in here, and which API keys may call ingest.
import { randomUUID } from 'node:crypto';
import { scopeTitles } from '../../../domain/key-rights.ts';
import type { FormFaults, FormFields } from '../forms.ts';
import { page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { listAccess } from '../queries/access.ts';
import { listKeys } from '../queries/access-keys.ts';
import { requireAbility, roles, roleTitles } from '../roles.ts';

export function access(app: AdminApp, parts: Parts): void {
  app.get('/access', (c) => {
    requireAbility(c, 'access');
    return showAccess(c, parts);
  });
}

export interface Entered {
  /** Which of the two forms it was. */
  form: 'user' | 'key';
  fields: FormFields;
  /** The boxes that were ticked. */
  ticked: readonly string[];
  faults: FormFaults;
}

/** The page, or the page with what is wrong beside each field. */
export async function showAccess(c: AdminContext, parts: Parts, entered?: Entered): Promise<Response> {
  const [users, keys] = await Promise.all([listAccess(parts.db), listKeys(parts.db)]);
  const of = (form: Entered['form']) => ({
    fields: entered?.form === form ? entered.fields : {},
    ticked: entered?.form === form ? entered.ticked : form === 'key' ? ['send', 'read'] : [],
    faults: entered?.form === form ? entered.faults : {},
  });
  const data = {
    title: 'Access',
    users: users.map((user) => ({ ...user, isMe: user.admin_user_id === c.var.session.adminUserId })),
    keys: keys.filter((key) => key.revoked_at === null),
    revoked: keys.filter((key) => key.revoked_at !== null),
    roles: roles.map((role) => ({ name: role, title: roleTitles[role] })),
    scopes: Object.entries(scopeTitles).map(([name, title]) => ({ name, title })),
    newUser: of('user'),
    newKey: of('key'),
    // Sending the same form twice makes one key.
    newKeyId: randomUUID(),
  };
  return page(c, parts, 'access/list', data, entered ? 422 : 200);
}

/**
 * A secret as the answer to the form itself: it is in no address, no cookie and no history, and loading the page again
 * does not show it again.
 */
export function showSecret(
  c: AdminContext,
  parts: Parts,
  data: { title: string; what: string; whose: string; secret: string; next: string },
): Promise<Response> {
  return page(c, parts, 'access/secret', data);
}
