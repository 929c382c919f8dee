// Bodies of a mail's parts as ASCII lines that every mail server carries (RFC 2045, 6): as they are where that is
// possible, quoted-printable for text with a few other characters in it, base64 for the rest.

export interface EncodedBody {
  encoding: '7bit' | 'quoted-printable' | 'base64';
  /** Lines end with CRLF, the last one too. */
  lines: string;
}

/** RFC 5322, 2.1.1, without the line break. */
const maxLineChars = 998;
const encodedLineChars = 76;
/** In base64 three bytes take four characters, in quoted-printable a byte that is not ASCII takes three. */
const fewInOf = 14;

/** @param boundary must not appear in the lines; it holds `=_`, which no encoded line can hold */
export function encodeBody(text: string, boundary: string): EncodedBody {
  const extraBytes = Buffer.byteLength(text) - text.length;
  if (extraBytes === 0 && isPlain(text) && !text.includes(boundary)) {
    return { encoding: '7bit', lines: endWithBreak(toCrlf(text)) };
  }
  if (extraBytes * fewInOf > text.length) return { encoding: 'base64', lines: toBase64Lines(toCrlf(text)) };
  return { encoding: 'quoted-printable', lines: endWithBreak(toQuotedPrintable(text)) };
}

function isPlain(text: string): boolean {
  if (!/^[\t\n\r\x20-\x7e]*$/.test(text)) return false;
  let begin = 0;
  while (text.length - begin > maxLineChars) {
    const end = text.lastIndexOf('\n', begin + maxLineChars);
    if (end < begin) return false;
    begin = end + 1;
  }
  return true;
}

function toCrlf(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?|\n/g, '\r\n') : text.replaceAll('\n', '\r\n');
}

function endWithBreak(lines: string): string {
  return lines.endsWith('\r\n') ? lines : `${lines}\r\n`;
}

function toBase64Lines(text: string): string {
  const encoded = Buffer.from(text, 'utf8').toString('base64');
  let lines = '';
  for (let at = 0; at < encoded.length; at += encodedLineChars) {
    lines += `${encoded.slice(at, at + encodedLineChars)}\r\n`;
  }
  return lines === '' ? '\r\n' : lines;
}

const CR = 0x0d;
const LF = 0x0a;
const EQUALS = 0x3d;
const hexDigits = Buffer.from('0123456789ABCDEF', 'latin1');

/** 1 for bytes that stand for themselves anywhere in a line (RFC 2045, 6.7, rule 2). */
const literal = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x21 && byte <= 0x7e && byte !== EQUALS ? 1 : 0,
);

/** Byte by byte into one buffer: this is the dispatcher's hot path. */
function toQuotedPrintable(text: string): string {
  const input = Buffer.from(text, 'utf8');
  // At worst three for each byte, and a soft break (three) after every 73.
  const output = Buffer.allocUnsafe(input.length * 3 + Math.ceil((input.length * 3) / 73) * 3);
  let written = 0;
  let column = 0;
  for (let at = 0; at < input.length; at++) {
    const byte = input[at] as number;
    if (byte === LF || byte === CR) {
      if (byte === CR && input[at + 1] === LF) at++;
      output[written++] = CR;
      output[written++] = LF;
      column = 0;
      continue;
    }
    const standsForItself = literal[byte] === 1 || (isBlank(byte) && !isLineEnd(input[at + 1]));
    const width = standsForItself ? 1 : 3;
    if (column + width > encodedLineChars - 1) {
      output[written++] = EQUALS;
      output[written++] = CR;
      output[written++] = LF;
      column = 0;
    }
    column += width;
    if (standsForItself) {
      output[written++] = byte;
    } else {
      output[written++] = EQUALS;
      output[written++] = hexDigits[byte >> 4] as number;
      output[written++] = hexDigits[byte & 15] as number;
    }
  }
  return output.toString('latin1', 0, written);
}

/** Blanks at the end of a line would be lost on the way (rule 3). */
function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === undefined || byte === CR || byte === LF;
}
