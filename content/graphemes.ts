// Characters as readers count them (UAX 29): an emoji or a letter with its accent is one, however many code units it has.

/** Made when it is first needed: that takes as long as a hundred messages. */
let segmenter: Intl.Segmenter | undefined;
/** Text in which each code unit is a character by itself. */
const plain = /^[\t\n\x20-\x7e\u00a0-\u02ff\u0400-\u0482\u048a-\u052f]*$/;

export function toGraphemes(text: string): string[] {
  if (plain.test(text)) return text.split('');
  return Array.from(segment(text), (character) => character.segment);
}

export function countGraphemes(text: string): number {
  return plain.test(text) ? text.length : toGraphemes(text).length;
}

/** @returns the first characters of a text, without reading the rest of it */
export function takeGraphemes(text: string, count: number): string {
  if (count <= 0) return '';
  if (plain.test(text)) return text.slice(0, count);
  let taken = 0;
  for (const { index } of segment(text)) {
    if (taken === count) return text.slice(0, index);
    taken += 1;
  }
  return text;
}

function segment(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return segmenter.segment(text);
}
