// From a template and a person's variables to the message. Pure and synchronous: the renderer's workers and the
// admin's preview call the same function.
import { toOneLine } from '../domain/one-line.ts';
import { PermanentError } from '../lib/errors.ts';
import { isEmailAddress } from './address.ts';
import { dropControls } from './controls.ts';
import { LengthLimitError, LimitedOutput } from './limits.ts';
import { type BadLink, dropBadLinks } from './links.ts';
import { type ParsedPart, parsePart, renderPart } from './liquid.ts';
import { toRenderFault } from './render-fault.ts';
import type { TemplateVersion } from './template.ts';
import { blankLiquid } from './template-source.ts';
import { checkLevels } from './text.ts';
import { createTextMaker, MarkedOutput } from './text-part.ts';
import { addHtmlFooter, addTextFooter, textFooterChars } from './unsubscribe-footer.ts';
import type { Variables } from './variables.ts';

export interface Message {
  /** One line; empty for an SMS. */
  subject: string;
  text: string;
  html: string | null;
  /** Links of this message's data that are not let through; there only where there were some. */
  leftOut?: readonly BadLink[];
}

interface ParsedTemplate {
  subject: ParsedPart | null;
  html: ParsedPart | null;
  /** Null when it is made from each finished HTML. */
  text: ParsedPart | null;
  makeText: ReturnType<typeof createTextMaker>;
}

export const maxSubjectChars = 998;
export const maxHtmlChars = 512 * 1024;
export const maxTextChars = 64 * 1024;
/** Ten parts of an SMS and a little more than gateways take. */
export const maxSmsChars = 1_600;

// Errors are kept as well: a template that does not parse is not parsed again for each of its people.
const parsedTemplates = new WeakMap<TemplateVersion, ParsedTemplate | PermanentError>();

/**
 * Parses every part of a template; `renderMessage` does it by itself, once for each `template` object.
 * @throws PermanentError('template_error' | 'render_limit' | 'render_bug') with the part, line and column
 */
export function parseTemplate(template: TemplateVersion): ParsedTemplate {
  let parsed = parsedTemplates.get(template);
  if (parsed === undefined) {
    parsed = tryToParse(template);
    parsedTemplates.set(template, parsed);
  }
  if (parsed instanceof PermanentError) throw parsed;
  return parsed;
}

/**
 * @param unsubscribeUrl of a promotional e-mail (unsubscribe.ts): the template sees it as `unsubscribe_url`, whatever the
 *   context says, and a part that does not show it gets a footer that does; null for every other message
 * @throws PermanentError('template_error' | 'render_limit' | 'render_bug') and nothing else, whatever the message's data do
 *   to the code below: render_bug is what nobody meant to throw, with its stack in `cause`. The message of each is fit
 *   for an outcome's detail: it names the part, line and column, and nothing of the person or the message
 */
export function renderMessage(
  template: TemplateVersion,
  variables: Variables,
  unsubscribeUrl: string | null = null,
): Message {
  try {
    return compose(template, variables, unsubscribeUrl);
  } catch (error) {
    throw toRenderFault(error);
  }
}

function compose(template: TemplateVersion, variables: Variables, unsubscribeUrl: string | null): Message {
  const parsed = parseTemplate(template);
  if (template.channel === 'sms') return { subject: '', text: renderSms(parsed, variables), html: null };
  const seen = unsubscribeUrl === null ? variables : { ...variables, unsubscribe_url: unsubscribeUrl };
  const subject = parsed.subject ? toOneLine(fill(parsed.subject, seen, maxSubjectChars)) : '';
  const message =
    parsed.html === null
      ? { subject, text: parsed.text ? renderText(parsed.text, seen) : '', html: null }
      : composeHtml(parsed, parsed.html, subject, seen, unsubscribeUrl);
  return unsubscribeUrl === null ? message : addFooters(message, unsubscribeUrl);
}

function composeHtml(
  { text, makeText }: ParsedTemplate,
  part: ParsedPart,
  subject: string,
  variables: Variables,
  unsubscribeUrl: string | null,
): Message {
  const output = text ? new LimitedOutput(maxHtmlChars) : new MarkedOutput(maxHtmlChars);
  renderPart(part, { ...variables }, output);
  const { html, dropped } = dropBadLinks(dropControls(output.buffer));
  const leftOut = dropped.length > 0 ? { leftOut: dropped } : {};
  if (text) return { subject, text: renderText(text, variables), html, ...leftOut };
  const footerChars = unsubscribeUrl === null ? 0 : textFooterChars(unsubscribeUrl);
  const made = makeText(html, output instanceof MarkedOutput && dropped.length === 0 ? output : null);
  return { subject, text: cut(made, maxTextChars - footerChars), html, ...leftOut };
}

function tryToParse(template: TemplateVersion): ParsedTemplate | PermanentError {
  const makeText = createTextMaker();
  try {
    if (template.channel === 'sms') {
      if (template.text === null)
        throw new PermanentError('template_error', 'text: an SMS is made from it, and it is missing');
      return { subject: null, html: null, text: parsePart('text', 'text', template.text), makeText };
    }
    if (template.replyTo !== null && !isEmailAddress(template.replyTo)) {
      throw new PermanentError('template_error', 'reply_to: it is not an e-mail address');
    }
    if (template.html === null && template.text === null) {
      throw new PermanentError('template_error', 'html: an e-mail needs html or text, and both are missing');
    }
    const parsed = {
      subject: parsePart('subject', 'text', template.subject),
      html: template.html === null ? null : parsePart('html', 'html', template.html),
      text: template.text === null ? null : parsePart('text', 'text', template.text),
      makeText,
    };
    // Before anybody is written to; what variables and loops add is seen with each message.
    if (template.text === null) checkLevels(blankLiquid(template.html ?? ''));
    return parsed;
  } catch (error) {
    return toRenderFault(error);
  }
}

function renderText(part: ParsedPart, variables: Variables): string {
  return dropControls(fill(part, variables, maxTextChars));
}

/** Not within a character of two halves. */
function cut(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : text.slice(0, maxChars).replace(/[\ud800-\udbff]$/, '');
}

/** The limits hold for what is sent, so they are looked at once more. */
function addFooters({ subject, text, html, ...rest }: Message, url: string): Message {
  const message = {
    ...rest,
    subject,
    text: addTextFooter(text, url),
    html: html === null ? null : addHtmlFooter(html, url),
  };
  for (const [part, length, maxChars] of [
    ['html', message.html?.length ?? 0, maxHtmlChars],
    ['text', message.text.length, maxTextChars],
  ] as const) {
    if (length > maxChars) {
      throw new LengthLimitError(`${part}: with the unsubscribe link it has more than ${maxChars} characters`);
    }
  }
  return message;
}

function renderSms(parsed: ParsedTemplate, variables: Variables): string {
  const text = parsed.text === null ? '' : dropControls(fill(parsed.text, variables, maxSmsChars)).trim();
  if (text === '') throw new PermanentError('template_error', 'text: the SMS is empty');
  return text;
}

/** Each part begins with the variables as they came: `increment` in one must not be seen by the next. */
function fill(part: ParsedPart, variables: Variables, maxChars: number): string {
  return renderPart(part, { ...variables }, new LimitedOutput(maxChars)).buffer;
}
