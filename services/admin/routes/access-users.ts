// What can be done with people with access: add, change roles, give a new password, disable and enable.
import { z } from 'zod';
import { isUuid } from '../../../domain/ids.ts';
import { newPassword } from '../../../lib/passwords.ts';
import { checkForm, type FormFaults, readForm } from '../forms.ts';
import { done, page } from '../page.ts';
import { PageError } from '../page-error.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { type AccessRow, addAccess, findAccess, setDisabled, setPassword, setRoles } from '../queries/access.ts';
import { type Role, requireAbility, roles, roleTitles } from '../roles.ts';
import { showAccess, showSecret } from './access.ts';

export function accessUsers(app: AdminApp, parts: Parts): void {
  app.post('/access/users', (c) => add(c, parts));
  app.get('/access/users/:id', async (c) => {
    requireAbility(c, 'access');
    return showUser(c, parts, await requireUser(c, parts));
  });
  app.post('/access/users/:id/roles', (c) => changeRoles(c, parts));
  app.post('/access/users/:id/password', (c) => givePassword(c, parts));
  app.post('/access/users/:id/disable', (c) => changeDisabled(c, parts, true));
  app.post('/access/users/:id/enable', (c) => changeDisabled(c, parts, false));
}

const shape = z.object({
  name: z
    .string()
    .trim()
    .toLowerCase()
    .regex(/^[a-z0-9][a-z0-9._@-]{0,63}$/, '1 to 64 of a-z, 0-9 and . _ @ -, beginning with a letter or digit.'),
});

async function add(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'access');
  const { fields, lists } = await readForm(c);
  const checked = checkForm(shape, fields);
  const wanted = readRoles(lists.roles);
  const faults: FormFaults = { ...checked.faults };
  if (wanted.length === 0) faults.roles = 'Choose at least one role.';
  const refuse = () => showAccess(c, parts, { form: 'user', fields, ticked: wanted, faults });
  if (!checked.value || faults.roles) return refuse();
  const { name } = checked.value;
  const password = newPassword();
  const passwordHash = await parts.logIns.hash(password);
  if (!(await addAccess(parts.db, c.var.session.name, { name, roles: wanted, passwordHash }))) {
    faults.name = 'Somebody has this name already.';
    return refuse();
  }
  return showPassword(c, parts, name, password);
}

async function showUser(c: AdminContext, parts: Parts, user: AccessRow, faults: FormFaults = {}): Promise<Response> {
  const data = {
    title: user.name,
    user,
    isMe: user.admin_user_id === c.var.session.adminUserId,
    roles: roles.map((name) => ({ name, title: roleTitles[name], isGiven: user.roles.includes(name) })),
    faults,
  };
  return page(c, parts, 'access/user', data, Object.keys(faults).length > 0 ? 422 : 200);
}

async function changeRoles(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'access');
  const user = await requireUser(c, parts);
  const { lists } = await readForm(c);
  const wanted = readRoles(lists.roles);
  if (user.admin_user_id === c.var.session.adminUserId) {
    return showUser(c, parts, user, { form: 'You cannot change your own roles. Ask another admin.' });
  }
  if (wanted.length === 0) {
    return showUser(c, parts, user, { roles: 'Choose at least one role, or disable the log-in.' });
  }
  const change = await setRoles(parts.db, c.var.session.name, user.admin_user_id, wanted);
  if (change === 'last_admin') return showUser(c, parts, user, { form: lastAdmin });
  return done(c, userPath(user), `${user.name} is now: ${wanted.join(', ')}.`);
}

const lastAdmin = 'This is the last admin who can log in: without one, nobody could give access any more.';

async function givePassword(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'access');
  const user = await requireUser(c, parts);
  if (user.admin_user_id === c.var.session.adminUserId) {
    throw new PageError(422, 'Change your own password under your name, at the top of the page.');
  }
  const password = newPassword();
  await setPassword(parts.db, c.var.session.name, user.admin_user_id, await parts.logIns.hash(password));
  return showPassword(c, parts, user.name, password);
}

function showPassword(c: AdminContext, parts: Parts, name: string, password: string): Promise<Response> {
  return showSecret(c, parts, {
    title: `Password of ${name}`,
    what: 'password',
    whose: name,
    secret: password,
    next: 'They log in with it once, and then choose one of their own.',
  });
}

async function changeDisabled(c: AdminContext, parts: Parts, isDisabled: boolean): Promise<Response> {
  requireAbility(c, 'access');
  const user = await requireUser(c, parts);
  if (user.admin_user_id === c.var.session.adminUserId) {
    return showUser(c, parts, user, { form: 'You cannot disable your own log-in. Ask another admin.' });
  }
  const change = await setDisabled(parts.db, c.var.session.name, user.admin_user_id, isDisabled);
  if (change === 'last_admin') return showUser(c, parts, user, { form: lastAdmin });
  const sentence = isDisabled
    ? `${user.name} cannot log in any more; open sessions were ended.`
    : `${user.name} can log in again, with the password as it was.`;
  return done(c, userPath(user), sentence);
}

/** @throws PageError 404 */
async function requireUser(c: AdminContext, parts: Parts): Promise<AccessRow> {
  const id = c.req.param('id') ?? '';
  const user = isUuid(id) ? await findAccess(parts.db, id) : undefined;
  if (!user) throw new PageError(404, 'Nobody with access has this id.');
  return user;
}

function readRoles(given: readonly string[] = []): Role[] {
  return roles.filter((role) => given.includes(role));
}

const userPath = (user: AccessRow): string => `/access/users/${user.admin_user_id}`;
