// Which addresses a mail may link to. A variable can put `javascript:` into `href="{{ link }}"` although it is escaped,
// so the finished HTML is looked through, whatever wrote the link, and such a link is left out.
import { PermanentError } from '../lib/errors.ts';

import { blankLiquid, liquidFiller } from './template-source.ts';

/** What follows a protocol that is let through. */
const allowed: ReadonlyMap<string, (rest: string) => boolean> = new Map<string, (rest: string) => boolean>([
  ['http', () => true],
  ['https', () => true],
  ['mailto', () => true],
  // RFC 3966: a number, its parameters behind it.
  ['tel', (rest) => isNumber(rest.replace(/;.*$/, ''))],
  // RFC 5724: numbers, or nobody and a text; some phones want `&` before it.
  ['sms', (rest) => /^(?:\/\/)?[?;&]body=/i.test(rest) || toNumbers(rest).every(isNumber)],
]);

const toNumbers = (rest: string): string[] =>
  rest
    .replace(/^\/\//, '')
    .replace(/[?;&].*$/, '')
    .split(',');

function isNumber(text: string): boolean {
  const number = text.replace(/%(?:20|2B|28|29)/gi, ' ');
  return /^[+\d().\-/*# ]{1,40}$/.test(number) && /\d/.test(number);
}

const attributeNames =
  'href|src|action|formaction|background|poster|cite|data|longdesc|ping|srcset|dynsrc|lowsrc|manifest|xlink:href';
// Sought everywhere, not in tags only: to find the end of a tag reliably needs a whole HTML parser, and text that looks
// like such an attribute with such a protocol is not worth one.
const attribute = new RegExp(
  `(^|[\\s"'/])(${attributeNames})[\\s]*=[\\s]*(?:"([^"]*)"|'([^']*)'|([^\\s"'>][^\\s>]*))`,
  'gi',
);
/** The usual: decided without a closer look. */
const plainlyAllowed = /^(?:https?:\/\/|mailto:|[#/?]|$)/i;

/** An address that is not let through; of the address itself nothing, for it may be a person's. */
export interface BadLink {
  attribute: string;
  protocol: string;
}

/** Where links lie within links' quotes, leaving one out shows the next; a mail does not have so many. */
const maxPasses = 8;

/**
 * Leaves out each attribute that loads or links by a protocol that is not let through: one person's data must not keep
 * the message back.
 * @throws PermanentError('template_error') for HTML so broken that there are always more
 */
export function dropBadLinks(html: string): { html: string; dropped: BadLink[] } {
  const dropped: BadLink[] = [];
  let rest = html;
  for (let pass = 0; pass < maxPasses; pass++) {
    const found = findBadLinks(rest);
    if (found.length === 0) return { html: rest, dropped };
    dropped.push(...found.map(({ attribute: name, protocol }) => ({ attribute: name, protocol })));
    let kept = '';
    let at = 0;
    for (const { begin, end } of found) {
      kept += rest.slice(at, begin);
      at = end;
    }
    rest = kept + rest.slice(at);
  }
  throw new PermanentError('template_error', 'html: it holds addresses that are not let through, within each other');
}

export interface PlacedLink extends BadLink {
  begin: number;
  end: number;
}

function findBadLinks(html: string): PlacedLink[] {
  const found: PlacedLink[] = [];
  for (const match of html.matchAll(attribute)) {
    const [whole, before = '', name = '', doubleQuoted, singleQuoted, bare] = match;
    const value = doubleQuoted ?? singleQuoted ?? bare ?? '';
    if (plainlyAllowed.test(value)) continue;
    const protocol = findBadProtocol(decodeReferences(value));
    if (protocol === undefined) continue;
    const begin = match.index + before.length;
    const end = match.index + whole.length;
    found.push({ attribute: name.toLowerCase(), protocol: protocol.slice(0, 20), begin, end });
  }
  return found;
}

/** In the source of a template that can be parsed: those that are there whatever its Liquid writes. */
export function findLiteralBadLinks(source: string): PlacedLink[] {
  return findBadLinks(blankLiquid(source));
}

export function describeBadLink({ attribute: name, protocol }: BadLink): string {
  const held = `the attribute ${name} holds a ${protocol}: address`;
  if (allowed.has(protocol)) return `${held} without a phone number`;
  return `${held}; only ${[...allowed.keys()].join(', ')} are let through`;
}

/** For the filter `url`: the address when it may be linked to, else nothing. */
export function toSafeUrl(url: string): string {
  return findBadProtocol(url) === undefined ? url : '';
}

function findBadProtocol(url: string): string | undefined {
  const { protocol, rest } = splitAddress(url);
  if (protocol === undefined) return undefined;
  const isAllowed = allowed.get(protocol);
  // What Liquid writes behind the protocol is seen in each message.
  return isAllowed && (rest.includes(liquidFiller) || isAllowed(rest)) ? undefined : protocol;
}

/**
 * As browsers read it (WHATWG URL): leading blanks and controls do not count, nor tabs and line breaks anywhere.
 * @returns no protocol for an address that is relative to another one
 */
function splitAddress(url: string): { protocol: string | undefined; rest: string } {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what browsers pass over.
  const bare = url.replace(/[\x00-\x20\x7f-\x9f\u00ad\u200b-\u200f\ufeff]/g, '');
  const [begin = '', protocol] = /^([a-z][a-z0-9+.-]*):/i.exec(bare) ?? [];
  return { protocol: protocol?.toLowerCase(), rest: bare.slice(begin.length) };
}

/** Character references as far as they can spell a protocol; no named one stands for a Latin letter. */
function decodeReferences(value: string): string {
  if (!value.includes('&')) return value;
  return value
    .replace(/&#(?:x([0-9a-f]+)|([0-9]+));?/gi, (_, hex: string | undefined, decimal: string | undefined) => {
      const code = hex === undefined ? Number.parseInt(decimal ?? '', 10) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : '';
    })
    .replace(/&(?:Tab|NewLine);/g, '')
    .replace(/&colon;?/g, ':');
}
