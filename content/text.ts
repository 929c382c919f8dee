// The text part of an e-mail whose template has none: the HTML's words, with links written out. Usually the template
// is turned into a text template once, which is twenty times as fast as turning every person's HTML into text.
import { compile, type FormatCallback } from 'html-to-text';
import { Parser } from 'htmlparser2';
import { LengthLimitError } from './limits.ts';

const liquidToken = /\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g;
/** Stands for a Liquid token while the HTML around it is read, so that `{% if a < b %}` opens no tag. */
const mark = /\ue000(\d+)\ue001/g;
/** These write HTML, which is there to be read only once it is written. */
const writesHtml = /\|\s*(?:raw|escape|escape_once|xml_escape|newline_to_br)\b|\{%-?\s*(?:raw|liquid|echo)\b/;

/** Of an image only the words count. */
const writeAlternative: FormatCallback = (element, _walk, builder) => {
  const words: unknown = element.attribs?.alt;
  if (typeof words === 'string' && words !== '') builder.addInline(words);
};

/** Rows of a table that only holds the page together are paragraphs. */
const writeRow: FormatCallback = (element, walk, builder) => {
  let table = element.parent;
  while (table && table.name !== 'table') table = table.parent;
  const lineBreaks = table?.attribs?.role === 'presentation' ? 2 : 1;
  builder.openBlock({ leadingLineBreaks: lineBreaks });
  walk(element.children, builder);
  builder.closeBlock({ trailingLineBreaks: lineBreaks });
};

/** Cells of a row stand on one line, as `Films 12`. */
const writeCell: FormatCallback = (element, walk, builder) => {
  walk(element.children, builder);
  builder.addInline(' ');
};

/** Tags within tags. html-to-text calls itself for each level; newsletters of nested tables have some sixty. */
export const maxLevels = 256;

const heading = { uppercase: false, leadingLineBreaks: 2, trailingLineBreaks: 2 };

let convert: ((html: string) => string) | undefined;

function createConverter(): (html: string) => string {
  return compile({
    // No line breaks of our own: the reader's window breaks lines better, above all on a phone.
    wordwrap: false,
    formatters: { alternative: writeAlternative, row: writeRow, cell: writeCell },
    selectors: [
      // A link stands in <> (RFC 3986, appendix C).
      { selector: 'a', options: { linkBrackets: ['<', '>'], hideLinkHrefIfSameAsText: true, noAnchorUrl: true } },
      { selector: 'img', format: 'alternative' },
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: heading })),
      { selector: 'tr', format: 'row' },
      { selector: 'td', format: 'cell' },
      { selector: 'th', format: 'cell' },
      { selector: 'ul', options: { itemPrefix: '- ' } },
      // What mails hide from the eye, such as the preview line, is hidden here as well.
      { selector: '[hidden]', format: 'skip' },
      { selector: '[style*="display:none"]', format: 'skip' },
      { selector: '[style*="display: none"]', format: 'skip' },
    ],
  });
}

/**
 * @returns the words of an HTML document, ending with one line break
 * @throws LengthLimitError for tags within tags beyond `maxLevels`
 */
export function toText(html: string): string {
  return tidyText(toWords(html));
}

/**
 * Turns a template for HTML into one for text, with the same Liquid in it.
 * @returns null for templates that write HTML from variables: of those, each finished HTML must go through `toText`
 * @throws LengthLimitError as `toText` does
 */
export function toTextTemplate(htmlTemplate: string): string | null {
  if (writesHtml.test(htmlTemplate) || htmlTemplate.includes('\ue000')) return null;
  const tokens: string[] = [];
  const marked = htmlTemplate.replace(liquidToken, (token) => `\ue000${tokens.push(token) - 1}\ue001`);
  return toWords(marked).replace(mark, (_, index: string) => tokens[Number(index)] ?? '');
}

function toWords(html: string): string {
  checkLevels(html);
  convert ??= createConverter();
  return convert(html);
}

/** With the parser of html-to-text, which knows what closes by itself; a tenth of what the conversion takes. */
function checkLevels(html: string): void {
  let level = 0;
  const parser = new Parser({
    onopentagname() {
      level += 1;
      if (level <= maxLevels) return;
      throw new LengthLimitError(`html: its tags lie more than ${maxLevels} levels within each other`);
    },
    onclosetag() {
      level -= 1;
    },
  });
  parser.end(html);
}

/** No blanks at the ends of lines, never two blank lines in a row, one line break at the end. */
export function tidyText(text: string): string {
  const tidy = text
    .replace(/\r\n?/g, '\n')
    // Begins at the first blank of a row alone: from each of them it would be quadratic.
    .replace(/(?<![ \t])[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
  return tidy === '' ? '' : `${tidy}\n`;
}
