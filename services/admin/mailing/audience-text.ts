// The bytes of an uploaded audience as text, or what is wrong with them for whoever sent them.
import type { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { PosthornError } from '../../../lib/errors.ts';

/** The file as a whole is not usable; the message is for whoever sent it. */
export class AudienceFileError extends PosthornError {}

export const maxAudienceBytes = 256 * 1024 * 1024;

/** @throws AudienceFileError not_text | too_large; the stream's own error when it breaks off */
export async function* decodeText(bytes: Readable): AsyncGenerator<string, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let length = 0;
  for await (const piece of bytes.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    if (length === 0 && isUtf16(piece)) throw notText('It is UTF-16 (some programs call it Unicode text).');
    length += piece.length;
    if (length > maxAudienceBytes) {
      throw new AudienceFileError('too_large', `The file is larger than ${maxAudienceBytes / 1024 / 1024} MB.`);
    }
    if (piece.includes(0)) throw notText('It holds NUL bytes, so it is a binary file or UTF-16, not text.');
    yield decode(decoder, piece, length);
  }
  yield decode(decoder, undefined, length);
}

function decode(decoder: TextDecoder, piece: Buffer | undefined, length: number): string {
  try {
    return piece ? decoder.decode(piece, { stream: true }) : decoder.decode();
  } catch {
    throw notText(`Some of its bytes (before byte ${length}) are not UTF-8: it may be Windows-1252 or Latin-1.`);
  }
}

function isUtf16(first: Buffer): boolean {
  return (first[0] === 0xff && first[1] === 0xfe) || (first[0] === 0xfe && first[1] === 0xff);
}

function notText(why: string): AudienceFileError {
  return new AudienceFileError('not_text', `The file is not UTF-8 text. ${why} Save it as "CSV UTF-8" and try again.`);
}
