// Turns HTML into text: its words, with links written out.
import { compile, type FormatCallback } from 'html-to-text';
import { Parser } from 'htmlparser2';
import { LengthLimitError } from './limits.ts';
import { dropMarks, linkAddress, linkEnd, linkWords, writeLinks } from './text-marks.ts';

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

/** As html-to-text's own, and a list without items separates what is around it as well: it may be of a loop with none. */
const writeBullets: FormatCallback = (element, walk, builder) => {
  const isNested = element.parent?.name === 'li';
  const lineBreaks = isNested ? 1 : 2;
  const items = element.children.filter(({ type, data }) => type !== 'text' || !/^\s*$/.test(data ?? ''));
  if (items.length === 0) {
    builder.openBlock({ leadingLineBreaks: lineBreaks });
    builder.closeBlock({ trailingLineBreaks: lineBreaks });
    return;
  }
  const bullet = '- ';
  const shape = { interRowLineBreaks: 1, maxPrefixLength: bullet.length, prefixAlign: 'left' } as const;
  builder.openList({ ...shape, leadingLineBreaks: lineBreaks });
  for (const item of items) {
    builder.openListItem({ prefix: item.name === 'li' ? bullet : '' });
    walk([item], builder);
    builder.closeListItem();
  }
  builder.closeList({ trailingLineBreaks: lineBreaks });
};

/** Between marks, for text-marks.ts to write: the mark before the words stands at the first word, which may be in a block. */
const markLink: FormatCallback = (element, walk, builder) => {
  const address: unknown = element.attribs?.href;
  if (typeof address !== 'string' || address === '') {
    walk(element.children, builder);
    return;
  }
  let begun = false;
  builder.pushWordTransform((word) => {
    if (begun) return word;
    begun = true;
    return `${linkWords}${word}`;
  });
  walk(element.children, builder);
  builder.popWordTransform();
  builder.addInline(`${begun ? '' : linkWords}${linkAddress}${address}${linkEnd}`, { noWordTransform: true });
};

/** Tags within tags. html-to-text calls itself for each level; newsletters of nested tables have some sixty. */
export const maxLevels = 256;

const heading = { uppercase: false, leadingLineBreaks: 2, trailingLineBreaks: 2 };

let convert: ((html: string) => string) | undefined;

function createConverter(): (html: string) => string {
  return compile({
    // No line breaks of our own: the reader's window breaks lines better, above all on a phone.
    wordwrap: false,
    // The zero-width space is none: it marks words in scripts that put no blanks between them.
    whitespaceCharacters: ' \t\r\n\f',
    formatters: {
      alternative: writeAlternative,
      row: writeRow,
      cell: writeCell,
      bullets: writeBullets,
      link: markLink,
    },
    selectors: [
      { selector: 'a', format: 'link' },
      { selector: 'img', format: 'alternative' },
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: heading })),
      { selector: 'tr', format: 'row' },
      { selector: 'td', format: 'cell' },
      { selector: 'th', format: 'cell' },
      { selector: 'ul', format: 'bullets' },
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
  return finishText(toMarkedText(dropMarks(html)));
}

/**
 * For `finishText`: links stand between marks until their words and addresses are known.
 * @throws LengthLimitError as `toText` does
 */
export function toMarkedText(html: string): string {
  checkLevels(html);
  convert ??= createConverter();
  return convert(html);
}

export function finishText(text: string): string {
  return tidyText(writeLinks(text));
}

/**
 * With the parser of html-to-text, which knows what closes by itself; a tenth of what the conversion takes.
 * @throws LengthLimitError
 */
export function checkLevels(html: string): void {
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
function tidyText(text: string): string {
  const tidy = text
    .replace(/\r\n?/g, '\n')
    // Begins at the first blank of a row alone: from each of them it would be quadratic.
    .replace(/(?<![ \t])[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
  return tidy === '' ? '' : `${tidy}\n`;
}
