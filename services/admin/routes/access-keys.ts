// What can be done with API keys: make one, shown once, and revoke it.
import { z } from 'zod';
import { isUuid } from '../../../domain/ids.ts';
import { type ApiKeyScope, scopeTitles } from '../../../domain/key-rights.ts';
import { toOneLine } from '../../../domain/one-line.ts';
import { newApiKey } from '../../../lib/api-keys.ts';
import { checkForm, type FormFaults, readForm } from '../forms.ts';
import { done } from '../page.ts';
import { PageError } from '../page-error.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { addKey, revokeKey } from '../queries/access-keys.ts';
import { requireAbility } from '../roles.ts';
import { showAccess, showSecret } from './access.ts';

export function accessKeys(app: AdminApp, parts: Parts): void {
  app.post('/access/keys', (c) => add(c, parts));
  app.post('/access/keys/:id/revoke', (c) => revoke(c, parts));
}

const scopes = Object.keys(scopeTitles) as ApiKeyScope[];
const shape = z.object({
  name: z.string().transform(toOneLine).pipe(z.string().min(1, 'Whose key is it?').max(100, 'At most 100 characters.')),
});

async function add(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'access');
  const { fields, lists } = await readForm(c);
  const checked = checkForm(shape, fields);
  const wanted = scopes.filter((scope) => lists.scopes?.includes(scope));
  const faults: FormFaults = { ...checked.faults };
  if (wanted.length === 0) faults.scopes = 'Choose at least one.';
  if (!checked.value || faults.scopes) {
    return showAccess(c, parts, { form: 'key', fields, ticked: wanted, faults });
  }
  const { name } = checked.value;
  const apiKeyId = fields.api_key_id ?? '';
  if (!isUuid(apiKeyId)) throw new PageError(400, 'This form is incomplete. Load the page again and repeat it.');
  const { key, hash, hint } = newApiKey();
  if (!(await addKey(parts.db, c.var.session.name, { apiKeyId, name, hash, hint, scopes: wanted }))) {
    return done(c, '/access', 'This key was made already, and is shown only once. Revoke it and make another.');
  }
  return showSecret(c, parts, {
    title: `API key of ${name}`,
    what: 'key',
    whose: name,
    secret: key,
    next: 'It is sent as “Authorization: Bearer …” with every call to ingest.',
  });
}

async function revoke(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'access');
  const id = c.req.param('id') ?? '';
  const name = isUuid(id) ? await revokeKey(parts.db, c.var.session.name, id) : undefined;
  if (name === undefined) return done(c, '/access', 'This key was not active any more.');
  return done(c, '/access', `The key of ${name} is revoked; ingest refuses it within 5 seconds.`);
}
