// What people enter about a template, read from its forms, with what is wrong beside each field.
import { z } from 'zod';
import { isEmailAddress } from '../../../content/address.ts';
import { kinds } from '../../../content/kinds.ts';
import { maxSubjectChars } from '../../../content/render.ts';
import type { Channel } from '../../../domain/ids.ts';
import { toOneLine } from '../../../domain/one-line.ts';
import type { OnNoAnswer } from '../../../lib/db/tables.ts';
import { checkForm, type FormFaults, type FormFields } from '../forms.ts';
import type { NewTemplate, TemplateSettings, TemplateTexts } from '../queries/templates-write.ts';

const shortName = /^[a-z0-9][a-z0-9-]{0,63}$/;
/** Addresses of pages. */
const takenNames = new Set(['new', 'preview']);
const maxFromNameChars = 120;
const maxTitleChars = 120;

export function isShortName(text: string): boolean {
  return shortName.test(text);
}

/** The texts as entered; what is empty is null. Faults of the Liquid in them are not looked for here. */
export function readTexts(channel: Channel, fields: FormFields): { texts: TemplateTexts; faults: FormFaults } {
  const isEmail = channel === 'email';
  const texts: TemplateTexts = {
    subject: isEmail ? toOneLine(fields.subject ?? '') : '',
    html: isEmail ? orNull(fields.html) : null,
    text: orNull(fields.text),
    fromName: isEmail ? orNull(toOneLine(fields.from_name ?? '')) : null,
    replyTo: isEmail ? orNull(fields.reply_to?.trim()) : null,
  };
  const faults: FormFaults = {};
  if (isEmail && texts.subject === '') faults.subject = 'An e-mail needs a subject.';
  if (texts.subject.length > maxSubjectChars) faults.subject = `At most ${maxSubjectChars} characters.`;
  if ((texts.fromName?.length ?? 0) > maxFromNameChars) faults.from_name = `At most ${maxFromNameChars} characters.`;
  if (texts.replyTo !== null && !isEmailAddress(texts.replyTo)) {
    faults.reply_to = 'This is not an e-mail address: write one, such as help@example.com, without a name.';
  }
  if (texts.html === null && texts.text === null) {
    faults[isEmail ? 'html' : 'text'] = isEmail ? 'Write the HTML, the text, or both.' : 'Write the text of the SMS.';
  }
  return { texts, faults };
}

const settingsForm = z.object({
  title: z
    .string()
    .transform(toOneLine)
    .pipe(z.string().min(1, 'Give it a title.').max(maxTitleChars, `At most ${maxTitleChars} characters.`)),
  is_promo: z.string().optional(),
  on_no_answer: z.enum(['', 'resend', 'park'], 'Choose one of these.').default(''),
  confidential: z.string().optional(),
});

/** Left open, promotional messages are put aside and others sent once more (docs/architecture.md, Sending). */
export function readSettings(fields: FormFields): { settings?: TemplateSettings; faults: FormFaults } {
  const { value, faults } = checkForm(settingsForm, { title: '', ...fields });
  if (!value) return { faults };
  const isPromo = value.is_promo !== undefined;
  const usual: OnNoAnswer = isPromo ? 'park' : 'resend';
  const onNoAnswer = value.on_no_answer === '' ? usual : value.on_no_answer;
  return {
    settings: { title: value.title, isPromo, onNoAnswer, confidential: value.confidential !== undefined },
    faults: {},
  };
}

/** @returns the new template, its short name made from the title when it was left empty */
export function readNewTemplate(fields: FormFields): { wanted?: NewTemplate; faults: FormFaults } {
  const { settings, faults } = readSettings(fields);
  const templateId = (fields.template_id ?? '').trim() || toShortName(fields.title ?? '');
  if (templateId === '') {
    if (!faults.title)
      faults.template_id = 'Nothing in the title can stand in a short name: write one, such as welcome.';
  } else if (!isShortName(templateId)) {
    faults.template_id = 'Small letters a to z, digits and hyphens only, beginning with a letter or digit; at most 64.';
  } else if (takenNames.has(templateId)) faults.template_id = 'This name is not free: the pages use it themselves.';
  const channel = readChannel(fields.channel);
  const kind = fields.kind ?? '';
  if (!kinds.has(kind)) faults.kind = 'Choose one of these.';
  if (!settings || Object.keys(faults).length > 0) return { faults };
  return { wanted: { ...settings, templateId, kind, channel }, faults };
}

export function readChannel(text: string | undefined): Channel {
  return text === 'sms' ? 'sms' : 'email';
}

const cyrillic: Readonly<Record<string, string>> = Object.fromEntries(
  'а:a б:b в:v г:g д:d е:e ё:e ж:zh з:z и:i й:i к:k л:l м:m н:n о:o п:p р:r с:s т:t у:u ф:f х:kh ц:ts ч:ch ш:sh щ:shch ъ: ы:y ь: э:e ю:iu я:ia'
    .split(' ')
    .map((pair) => pair.split(':')),
);

/** `Ваш месяц: итоги` → `vash-mesiats-itogi`; public/template-new.js shows the same while one types. */
export function toShortName(title: string): string {
  return [...title.slice(0, maxTitleChars).toLowerCase()]
    .map((letter) => cyrillic[letter] ?? letter)
    .join('')
    .replace(/ß/g, 'ss')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 64)
    .replace(/-+$/, '');
}

function orNull(text: string | undefined): string | null {
  return text === undefined || text.trim() === '' ? null : text;
}
