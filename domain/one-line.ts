// Texts that stand on one line: names of people, subjects, titles. What nobody can see there, and what would turn the rest of the
// line around, is dropped: nobody goes without a message because a name was once read in the wrong encoding (U+0092 for ’). Pure.

/** Line breaks of every kind and what is blank; none is matched twice, so that the work grows with the text alone. */
const blanks = /[\t\n\v\f\r \u0085\u00a0\u2028\u2029]+/g;
/** Control characters (C0, DEL, C1), overrides of the writing direction, and halves of surrogate pairs. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
const unfit = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff\p{Cs}]/gu;
/** Most texts have nothing to mend. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
const suspect = /[\u0000-\u001f\u007f-\u00a0\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]|^ | {2}| $/;

export function toOneLine(text: string): string {
  return suspect.test(text) ? text.replace(blanks, ' ').replace(unfit, '').replace(blanks, ' ').trim() : text;
}

/** UTF-16 code units; longer names are none. */
const maxNameChars = 100;
const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

/** @returns the name of a person on one line, at most 100 characters; what people see as one character is kept whole or left out */
export function toPersonName(text: string): string {
  // So much longer that dropping and joining leaves enough; the rest of a megabyte is not looked at.
  const line = toOneLine(text.slice(0, maxNameChars * 20));
  if (line.length <= maxNameChars) return line;
  let end = 0;
  for (const { index, segment } of graphemes.segment(line.slice(0, maxNameChars * 2))) {
    if (index + segment.length > maxNameChars) break;
    end = index + segment.length;
  }
  return line.slice(0, end).trimEnd();
}
