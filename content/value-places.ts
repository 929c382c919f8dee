// Whether marks in HTML stand where a value is nothing but text: whatever is put in their place, it is shown as it is or
// not at all, and changes nothing around it.
import { Parser } from 'htmlparser2';
import { valueMarks } from './text-marks.ts';

/** A tag, or a character reference, that a value might complete. */
const unfinished = /(?:&[#\w]{0,40}|<[^>\s]{0,40})$/;
/** The end of a comment, likewise. */
const endsComment = /\ufdd1[->!]/;
/** Elements of which the parser does not resolve character references. */
const unresolved: ReadonlySet<string> = new Set(['textarea', 'xmp']);
/** The conversion reads these (text.ts), and for ordered lists these of html-to-text. */
const decisive: ReadonlySet<string> = new Set(['style', 'role', 'start', 'type']);

export function hasPlainPlaces(html: string, markCount: number): boolean {
  let plain = 0;
  let element = '';
  const count = (text: string): number => text.match(valueMarks)?.length ?? 0;
  const parser = new Parser({
    onopentagname(name) {
      element = name;
    },
    onclosetag() {
      element = '';
    },
    onattribute(name, value, quote) {
      if (quote && !decisive.has(name)) plain += count(value);
    },
    ontext(text) {
      if (!unresolved.has(element)) plain += count(text);
    },
    oncomment(text) {
      if (!endsComment.test(text)) plain += count(text);
    },
  });
  parser.end(html);
  // Marks of which the parser said nothing stand in a tag's name, between attributes, or worse.
  return plain === markCount && !completesSomething(html);
}

function completesSomething(html: string): boolean {
  for (const { index } of html.matchAll(valueMarks)) {
    if (unfinished.test(html.slice(Math.max(0, index - 42), index))) return true;
  }
  return false;
}
