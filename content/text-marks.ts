// What stands for something else while HTML becomes text: noncharacters of Unicode, which no text may hold.

const valueBegin = '\ufdd0';
const valueEnd = '\ufdd1';
/** Before the words of a link, before its address, behind it. */
export const linkWords = '\ufdd4';
export const linkAddress = '\ufdd5';
export const linkEnd = '\ufdd6';

export const valueMarks = /\ufdd0(\d+)\ufdd1/g;
const allMarks = /[\ufdd0-\ufdd6]/g;
const link = /\ufdd4([^\ufdd4-\ufdd6]*)\ufdd5([^\ufdd4-\ufdd6]*)\ufdd6/g;

export function toValueMark(index: number): string {
  return `${valueBegin}${index}${valueEnd}`;
}

export function dropMarks(text: string): string {
  return text.replace(allMarks, '');
}

/** A link in text is its words and the address in <> (RFC 3986, appendix C), where that says more than the words. */
export function writeLinks(text: string): string {
  if (!text.includes(linkAddress)) return text;
  // What is left over belongs to links within links.
  return dropMarks(text.replace(link, (_, words: string, address: string) => writeLink(words, address)));
}

function writeLink(words: string, address: string): string {
  const shown = address.trim().replace(/^mailto:/i, '');
  const bare = words.trim();
  if (shown === '' || shown.startsWith('#') || shown === bare) return words;
  return bare === '' ? shown : `${words.trimEnd()} <${shown}>`;
}
