import { expect, it } from 'vitest';
import { readNewTemplate, readSettings, readTexts, toShortName } from './read-form.ts';

it.each([
  ['Welcome', 'welcome'],
  ['  Your month in films! ', 'your-month-in-films'],
  ['Élodie & Jürgen – Größe', 'elodie-jurgen-grosse'],
  ['Ваш месяц: Итоги', 'vash-mesiats-itogi'],
  ['???', ''],
  [`${'x'.repeat(63)} y`, 'x'.repeat(63)],
])('makes a short name of %j', (title, name) => {
  expect(toShortName(title)).toBe(name);
});

it('puts promotional messages aside when no answer comes, and sends others once more, unless told otherwise', () => {
  const onNoAnswer = (fields: Record<string, string>) => readSettings({ title: 'x', ...fields }).settings?.onNoAnswer;
  expect(onNoAnswer({})).toBe('resend');
  expect(onNoAnswer({ is_promo: 'on', on_no_answer: '' })).toBe('park');
  expect(onNoAnswer({ is_promo: 'on', on_no_answer: 'resend' })).toBe('resend');
  expect(onNoAnswer({ on_no_answer: 'park' })).toBe('park');
});

it('keeps only what the channel has', () => {
  const fields = { subject: 'a\n b', html: '<p>x</p>', text: ' \n', from_name: ' Lumen ', reply_to: 'a@example.com' };
  expect(readTexts('email', fields)).toEqual({
    texts: { subject: 'a b', html: '<p>x</p>', text: null, fromName: 'Lumen', replyTo: 'a@example.com' },
    faults: {},
  });
  expect(readTexts('sms', { ...fields, text: ' x' })).toEqual({
    texts: { subject: '', html: null, text: ' x', fromName: null, replyTo: null },
    faults: {},
  });
});

it('tells all faults of a new template at once', () => {
  const { wanted, faults } = readNewTemplate({ title: '', kind: 'nonsense', template_id: 'Ä' });
  expect(wanted).toBeUndefined();
  expect(Object.keys(faults).sort()).toEqual(['kind', 'template_id', 'title']);
});
