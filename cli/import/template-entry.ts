// One `admin_panel.template` of the dump as a template of ours.
import { kinds } from '../../content/kinds.ts';
import type { Channel } from '../../domain/ids.ts';
import { toOneLine } from '../../domain/one-line.ts';
import type { Entry } from './dump.ts';
import { createFieldReader, type Faults } from './fields.ts';

export const templateModel = 'admin_panel.template';

export const templateFields: readonly string[] = [
  'title',
  'code',
  'template',
  'subject',
  'transport',
  'created_at',
  'updated_at',
];

export interface OldTemplate {
  legacyNumber: number;
  title: string;
  kind: string;
  channel: Channel;
  subject: string;
  html: string | null;
  text: string | null;
  createdAt: Date | null;
  updatedAt: Date | null;
}

/** Old numbers of templates are 9 digits at most where requests name them. */
const maxLegacyNumber = 999_999_999;
const channels: readonly Channel[] = ['email', 'sms'];

/** @returns undefined when it has faults */
export function readTemplate(entry: Entry, faults: Faults, timeZone: string | undefined): OldTemplate | undefined {
  const read = createFieldReader(entry, faults, timeZone);
  const legacyNumber = read.pk(maxLegacyNumber);
  const title = toOneLine(read.text('title')) || `Template ${legacyNumber}`;
  const kind = read.oneOf('code', [...kinds.keys()]);
  const channel = read.oneOf('transport', channels, (text) => text.trim().toLowerCase());
  const body = read.text('template');
  const subject = read.optionalText('subject');
  const createdAt = read.time('created_at');
  const updatedAt = read.time('updated_at');
  if (read.hasFault()) return undefined;
  const isHtml = channel === 'email' && looksLikeHtml(body);
  return {
    legacyNumber,
    title,
    kind,
    channel,
    subject: channel === 'email' ? toOneLine(subject) : '',
    html: isHtml ? body : null,
    text: isHtml ? null : body,
    createdAt,
    updatedAt,
  };
}

const htmlTag =
  /<(?:!doctype|html|head|body|style|title|table|tbody|thead|tr|t[dh]|div|span|p|br|hr|a|img|b|i|u|s|em|strong|small|h[1-6]|ul|ol|li|center|font|blockquote|pre|section|header|footer|button)(?:\s[^<>]*)?\/?>/i;

/** A text that speaks of `<3` or of `<name>` is none; one known element makes it HTML. */
export function looksLikeHtml(body: string): boolean {
  return htmlTag.test(body);
}
