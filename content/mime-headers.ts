// Header fields of a mail: ASCII, folded, and nothing in them that could begin another field (RFC 5322, RFC 2047).

/** RFC 2047, 2: no line of a field with encoded words is longer. */
const maxLineChars = 76;
const wordBegin = '=?utf-8?B?';
const wordEnd = '?=';

/** @param value any text; control characters become blanks @returns the field with its line break */
export function writeTextField(name: string, value: string): string {
  const text = dropControls(value);
  return `${name}: ${isPlain(text) ? fold(text, name.length + 2) : encodeWords(text, name.length + 2)}\r\n`;
}

/** @param displayName may be empty @param address a validated addr-spec */
export function writeMailboxField(name: string, displayName: string, address: string): string {
  if (displayName === '') return `${name}: ${address}\r\n`;
  const phrase = writePhrase(dropControls(displayName), name.length + 2);
  const lastLine = phrase.length - phrase.lastIndexOf('\n') - 1;
  const room = maxLineChars - lastLine - (phrase.includes('\n') ? 0 : name.length + 2);
  return `${name}: ${phrase}${address.length + 3 > room ? '\r\n' : ''} <${address}>\r\n`;
}

/** RFC 5322, 3.2.5: atoms where that is enough, a quoted string, encoded words for the rest. */
function writePhrase(text: string, indent: number): string {
  if (!isPlain(text) || text.length + indent > maxLineChars - 4) return encodeWords(text, indent);
  if (/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+$/.test(text)) return text;
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function isPlain(text: string): boolean {
  // Encoded where a reader would take it for an encoded word, or would drop blanks at its ends.
  if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$|^$/.test(text) || text.includes('=?')) return false;
  // Such a regular expression takes longer than the rest of the mail: most subjects are not even that long.
  return text.length < 900 || !/\S{900}/.test(text);
}

/** Breaks lines at blanks; the blank stays at the beginning of the next line. */
function fold(text: string, indent: number): string {
  if (text.length + indent <= maxLineChars) return text;
  let folded = '';
  let column = indent;
  for (const [index, word] of text.split(' ').entries()) {
    if (index > 0) {
      const breaks = column + 1 + word.length > maxLineChars && word !== '';
      folded += breaks ? '\r\n ' : ' ';
      column = breaks ? 1 : column + 1;
    }
    folded += word;
    column += word.length;
  }
  return folded;
}

/** Each word holds whole characters (RFC 2047, 5) and stands on a line of its own. */
function encodeWords(text: string, indent: number): string {
  const words: string[] = [];
  let room = toRoom(indent);
  let bytes = 0;
  let begin = 0;
  let at = 0;
  for (const character of text) {
    const size = byteLengthOf(character);
    if (bytes + size > room) {
      words.push(encodeWord(text.slice(begin, at)));
      begin = at;
      bytes = 0;
      room = toRoom(1);
    }
    bytes += size;
    at += character.length;
  }
  words.push(encodeWord(text.slice(begin)));
  return words.join('\r\n ');
}

/** How many bytes fit into an encoded word that begins at this column: three for every four characters of base64. */
function toRoom(column: number): number {
  const chars = Math.min(75, maxLineChars - column) - wordBegin.length - wordEnd.length;
  return Math.max(4, Math.floor(chars / 4) * 3);
}

function encodeWord(text: string): string {
  return `${wordBegin}${Buffer.from(text, 'utf8').toString('base64')}${wordEnd}`;
}

function byteLengthOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

function dropControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
  return /[\x00-\x1f\x7f-\x9f]/.test(text) ? text.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ') : text;
}
