// /suppressions: the addresses that are no longer written to. The dispatcher adds those that are refused for good; here
// people look, add and lift.
import { z } from 'zod';
import { readAddress, readPhoneNumber } from '../../../content/address.ts';
import type { Channel } from '../../../domain/ids.ts';
import { explainReason } from '../../../domain/reason-words.ts';
import { writeAudit } from '../audit.ts';
import { checkForm, type FormFaults, type FormFields, readForm } from '../forms.ts';
import { done, page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import {
  findSuppressions,
  liftSuppression,
  listSuppressions,
  readCursor,
  type SuppressionRow,
  suppress,
} from '../queries/suppressions.ts';
import { queryText, readQuery } from '../query.ts';
import { requireAbility } from '../roles.ts';

const rowsAtATime = 100;

export function suppressions(app: AdminApp, parts: Parts): void {
  app.get('/suppressions', (c) => {
    requireAbility(c, 'support');
    return show(c, parts);
  });
  app.post('/suppressions', (c) => add(c, parts));
  app.post('/suppressions/lift', (c) => lift(c, parts));
}

async function show(
  c: AdminContext,
  parts: Parts,
  entered: FormFields = {},
  faults: FormFaults = {},
): Promise<Response> {
  const wanted = queryText(c, 'address', 320);
  const after = readQuery(c, 'after', (text) => readCursor(text) && text);
  const { suppressions: rows, next } = await listSuppressions(parts.db, {
    address: wanted === '' ? undefined : (readAddress('email', wanted) ?? readPhoneNumber(wanted) ?? wanted),
    after,
    limit: rowsAtATime,
  });
  const data = {
    title: 'Suppressions',
    wanted,
    rows: rows.map(toShown),
    next: next && `/suppressions?${new URLSearchParams({ after: next })}`,
    isLater: after !== undefined,
    entered,
    faults,
  };
  return page(c, parts, 'suppressions/list', data, Object.keys(faults).length > 0 ? 422 : 200);
}

function toShown(row: SuppressionRow) {
  const why = toWhy(row);
  return { ...row, why, detail: row.detail === why ? '' : row.detail };
}

/** By hand, or what a mail server or recipient answered. */
function toWhy({ reason }: SuppressionRow): string {
  if (reason === 'manual') return 'added by hand';
  if (reason === 'bounce') return 'the mail server reported it undeliverable';
  if (reason === 'complaint') return 'the recipient complained';
  if (reason === 'refused') return 'the server refused the address for good';
  return explainReason(reason)?.meaning ?? reason;
}

const shape = z.object({
  channel: z.enum(['email', 'sms'], { message: 'Choose e-mail or SMS.' }),
  address: z.string().trim().min(1, 'Enter the address.').max(320, 'This is too long for an address.'),
  words: z.string().trim().min(3, 'Say why, in a few words.').max(500, 'At most 500 characters.'),
});

const notOne: Record<Channel, string> = {
  email: 'This is not one e-mail address.',
  sms: 'This is not a phone number with its country code, such as +4930123456.',
};

async function add(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'support');
  const { fields } = await readForm(c);
  const checked = checkForm(shape, fields);
  if (!checked.value) return show(c, parts, fields, checked.faults);
  const { channel, words } = checked.value;
  const address = readAddress(channel, checked.value.address)?.toLowerCase();
  if (address === undefined) return show(c, parts, fields, { address: notOne[channel] });
  const isNew = await suppress(parts.db, { channel, address, reason: 'manual', detail: words });
  if (!isNew) {
    const [known] = await findSuppressions(parts.db, [{ channel, address }]);
    const since = known ? `, since ${known.created_at.toISOString().slice(0, 10)}` : '';
    return show(c, parts, fields, { address: `This address is suppressed already${since}.` });
  }
  await writeAudit(parts.db, c, 'suppression.added', `address ${address}`, { channel, words });
  return done(c, '/suppressions', `Nothing is sent to ${address} any more.`);
}

async function lift(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'support');
  const { fields } = await readForm(c);
  const channel: Channel = fields.channel === 'sms' ? 'sms' : 'email';
  const address = fields.address ?? '';
  const lifted = await liftSuppression(parts.db, channel, address);
  if (!lifted) return done(c, '/suppressions', 'This address was not suppressed any more.');
  const { reason, detail, created_at: since } = lifted;
  await writeAudit(parts.db, c, 'suppression.lifted', `address ${lifted.address}`, { channel, reason, detail, since });
  return done(c, '/suppressions', `Messages may be sent to ${lifted.address} again.`);
}
