// Which addresses a mail may link to. A variable can put `javascript:` into `href="{{ link }}"` although it is escaped,
// so the finished HTML is looked through, whatever wrote the link; a message with such a link is not sent.
import { PermanentError } from '../lib/errors.ts';

const allowedProtocols: ReadonlySet<string> = new Set(['http', 'https', 'mailto']);

const attributeNames =
  'href|src|action|formaction|background|poster|cite|data|longdesc|ping|srcset|dynsrc|lowsrc|manifest|xlink:href';
// Sought everywhere, not in tags only: to find the end of a tag reliably needs a whole HTML parser, and text that looks
// like such an attribute with such a protocol is not worth one.
const attribute = new RegExp(
  `(?:^|[\\s"'/])(${attributeNames})[\\s]*=[\\s]*(?:"([^"]*)"|'([^']*)'|([^\\s"'>][^\\s>]*))`,
  'gi',
);
/** The usual: decided without a closer look. */
const plainlyAllowed = /^(?:https?:\/\/|mailto:|[#/?]|$)/i;

/**
 * @throws PermanentError('template_error') when an attribute that loads or links holds a protocol other than http, https
 *   and mailto. The message names attribute and protocol, never the address.
 */
export function checkLinks(html: string): void {
  for (const [, name, doubleQuoted, singleQuoted, bare] of html.matchAll(attribute)) {
    const value = doubleQuoted ?? singleQuoted ?? bare ?? '';
    if (plainlyAllowed.test(value)) continue;
    const protocol = findProtocol(decodeReferences(value));
    if (protocol === undefined || allowedProtocols.has(protocol)) continue;
    throw new PermanentError(
      'template_error',
      `html: the attribute ${name?.toLowerCase()} holds a ${protocol.slice(0, 20)}: address; only http, https and mailto are let through`,
    );
  }
}

/** For the filter `url`: the address when it may be linked to, else nothing. */
export function toSafeUrl(url: string): string {
  const protocol = findProtocol(url);
  return protocol === undefined || allowedProtocols.has(protocol) ? url : '';
}

/**
 * As browsers read it (WHATWG URL): leading blanks and controls do not count, nor tabs and line breaks anywhere.
 * @returns undefined for an address that is relative to another one
 */
function findProtocol(url: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what browsers pass over.
  const bare = url.replace(/[\x00-\x20\x7f-\x9f\u00ad\u200b-\u200f\ufeff]/g, '');
  return /^([a-z][a-z0-9+.-]*):/i.exec(bare)?.[1]?.toLowerCase();
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
