// /holds: what is kept from being sent, by whom and why; here it is placed and lifted.
import { z } from 'zod';
import { describeTarget, type HoldScope, type HoldTarget, holdScopes, subjectsOf } from '../../../domain/holds.ts';
import { findTargetFault } from '../../../lib/holds/find-target-fault.ts';
import { liftHold } from '../../../lib/holds/lift-hold.ts';
import { listLiftedHolds, listPauses, listSharedHolds } from '../../../lib/holds/list-holds.ts';
import { placeHold } from '../../../lib/holds/place-hold.ts';
import { checkForm, type FormFaults, type FormFields, readForm } from '../forms.ts';
import { toOwnPath } from '../own-path.ts';
import { done, page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { queryChoice, queryText } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { toAuthorWords, toShownHold } from '../shown-holds.ts';

const liftedCount = 20;
const hourMs = 3_600_000;
const lengths = [
  { hours: '', words: 'until somebody lifts it' },
  { hours: '1', words: 'for 1 hour' },
  { hours: '4', words: 'for 4 hours' },
  { hours: '24', words: 'for 1 day' },
  { hours: '168', words: 'for 7 days' },
];

/** What can be chosen; a template and a request are named in a field of their own. */
const choices = holdScopes.flatMap((scope) =>
  (subjectsOf(scope) ?? ['']).map((subject) => ({
    value: `${scope} ${subject}`.trim(),
    words: subjectsOf(scope) ? capitalize(describeTarget({ scope, subject })) : `One ${scope}`,
  })),
);

export function holds(app: AdminApp, parts: Parts): void {
  app.get('/holds', (c) => {
    requireAbility(c, 'view');
    const what = queryChoice(
      c,
      'what',
      choices.map(({ value }) => value),
    );
    return show(c, parts, { what: what ?? 'promotional', name: queryText(c, 'name', 128) });
  });
  app.post('/holds', (c) => place(c, parts));
  app.post('/holds/:id/lift', (c) => lift(c, parts));
}

async function show(
  c: AdminContext,
  parts: Parts,
  entered: FormFields = {},
  faults: FormFaults = {},
): Promise<Response> {
  const [shared, pauses, lifted] = await Promise.all([
    listSharedHolds(parts.db),
    listPauses(parts.db),
    listLiftedHolds(parts.db, liftedCount),
  ]);
  const data = {
    title: 'Holds',
    shared: shared.map(toShownHold),
    pauses: pauses.map((pause) => ({ ...pause, ...toShownHold(pause), title: pause.title })),
    lifted: lifted.map((hold) => ({
      ...hold,
      ...toShownHold(hold),
      liftedByWords: hold.liftedBy === 'end' ? 'its end' : toAuthorWords(hold.liftedBy),
    })),
    choices,
    lengths,
    entered,
    faults,
  };
  return page(c, parts, 'holds/list', data, Object.keys(faults).length > 0 ? 422 : 200);
}

const shape = z.object({
  what: z.string().refine((what) => choices.some(({ value }) => value === what), 'Choose what is kept back.'),
  name: z.string().trim().max(128, 'This is too long.'),
  reason: z.string().trim().min(3, 'Say why, in a few words.').max(500, 'At most 500 characters.'),
  hours: z.string().refine((hours) => lengths.some((one) => one.hours === hours), 'Choose for how long.'),
});

async function place(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'hold');
  const { fields } = await readForm(c);
  const checked = checkForm(shape, { name: '', hours: '', ...fields });
  if (!checked.value) return show(c, parts, fields, checked.faults);
  const { what, name, reason, hours } = checked.value;
  const target = toTarget(what, name);
  const fault = await findTargetFault(parts.db, target);
  if (fault) return show(c, parts, fields, { name: fault });
  const endsInMs = hours === '' ? null : Number(hours) * hourMs;
  const isNew = await placeHold(parts.db, { ...target, author: c.var.session.name, reason, endsInMs });
  const words = capitalize(describeTarget(target));
  if (!isNew) return done(c, '/holds', `${words}: on hold already; the list says by whom. Nothing was changed.`);
  return done(c, '/holds', `${words}: on hold. Within 2 seconds nothing of it is sent any more.`);
}

function toTarget(what: string, name: string): HoldTarget {
  const [scope = '', subject = ''] = what.split(' ');
  const isNamed = subjectsOf(scope as HoldScope) === undefined;
  return { scope: scope as HoldScope, subject: isNamed ? name : subject };
}

async function lift(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'hold');
  const { fields } = await readForm(c);
  // The page of ours on which the button stood.
  const back = toOwnPath(fields.back, '/holds');
  const lifted = await liftHold(parts.db, c.req.param('id') ?? '', c.var.session.name);
  if (!lifted) return done(c, back, 'This hold had been lifted already.');
  return done(c, back, `Lifted: ${describeTarget(lifted)}. Whom it kept back gets the message now, each once.`);
}

function capitalize(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}
