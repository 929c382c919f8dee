// POST /dead-letters/act: redrives or discards the dead letters that were chosen, or all that match. It writes down what is
// wanted; the executor does it.
import { z } from 'zod';
import { writeAudit } from '../audit.ts';
import { checkForm, readForm } from '../forms.ts';
import { fits, letterKey } from '../operator/dead-letters-filter.ts';
import type { DeadLetter, DeadLetterIndex } from '../operator/dead-letters-index.ts';
import { listLetters } from '../operator/dead-letters-list.ts';
import { done } from '../page.ts';
import { PageError } from '../page-error.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { wantActions } from '../queries/dead-letters.ts';
import { requireAbility } from '../roles.ts';
import { readFilter, toFields } from './dead-letters-asked.ts';

const shape = z.object({
  what: z.enum(['redrive', 'discard', 'redrive-all', 'discard-all'], { message: 'Choose what to do.' }),
  template: z.enum(['pinned', 'active'], { message: 'Choose which version of the template.' }).default('pinned'),
  reason: z.string().trim().max(500, 'At most 500 characters.').default(''),
  seen: z.coerce.number().int().min(0).default(0),
});

export function deadLettersActions(app: AdminApp, parts: Parts, index: DeadLetterIndex): void {
  app.post('/dead-letters/act', (c) => act(c, parts, index));
}

async function act(c: AdminContext, parts: Parts, index: DeadLetterIndex): Promise<Response> {
  requireAbility(c, 'operate');
  const { fields, lists } = await readForm(c);
  const checked = checkForm(shape, fields);
  if (!checked.value) throw new PageError(422, Object.values(checked.faults).join(' '));
  const { what, template, reason, seen } = checked.value;
  const action = what.startsWith('redrive') ? 'redrive' : 'discard';
  const filter = toFields(fields);
  const back = `/dead-letters?${new URLSearchParams(filter)}`;
  if (action === 'discard' && reason.length < 3) {
    return done(c, back, 'Nothing was done: say why these are discarded, in a few words, in the field “Why”.');
  }
  const { letters } = await listLetters(parts.db, index);
  const chosen = new Set(lists.pick ?? []);
  const wanted = what.endsWith('-all')
    ? letters.filter((letter) => letter.timestampMs < seen && fits(letter, readFilter(fields, parts.now())))
    : letters.filter((letter) => chosen.has(letterKey(letter)));
  if (wanted.length === 0) return done(c, back, 'Nothing was done: none was chosen.');
  const who = c.var.session.name;
  const count = await wantActions(parts.db, wanted, { action, template, reason, who });
  await writeAudit(
    parts.db,
    c,
    action === 'redrive' ? 'dead_letter.redriven' : 'dead_letter.discarded',
    toSubject(wanted),
    {
      count,
      ...(action === 'redrive' && { template }),
      ...(reason !== '' && { reason }),
      ...(what.endsWith('-all') ? { filter } : { letters: wanted.slice(0, 50).map(letterKey) }),
    },
  );
  return done(c, back, toSentence(action, count, wanted.length - count));
}

function toSubject([first, ...others]: readonly DeadLetter[]): string {
  return first && others.length === 0 ? `record ${letterKey(first)}` : 'dead letters';
}

function toSentence(action: 'redrive' | 'discard', count: number, openCount: number): string {
  const letters = `${count.toLocaleString('en-US')} dead ${count === 1 ? 'letter' : 'letters'}`;
  const rest = openCount > 0 ? ` ${openCount.toLocaleString('en-US')} were waiting for that already.` : '';
  if (action === 'discard') return `Discarded ${letters}.${rest}`;
  return `${letters} ${count === 1 ? 'is' : 'are'} sent back in a moment; what fails again comes back here.${rest}`;
}
