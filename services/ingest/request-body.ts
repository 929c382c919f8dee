// The body of a request: bounded by the bytes that really arrive, UTF-8, JSON. What it says is judged in accept.ts.
import type { IncomingMessage } from 'node:http';
import { type LossyNumber, readJsonText } from '../../domain/json-text.ts';
import { BodyError, readBody } from '../../lib/read-body.ts';
import { Problem } from './problem.ts';

export const maxBodyBytes = 1024 * 1024;
/** For the whole body: less than the server gives the whole call, so that the sender reads why. */
const bodyLimitMs = 20_000;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** A parsed body and how many bytes it had. */
export interface JsonBody {
  value: unknown;
  /** Numbers of its text that `value` does not hold exactly. */
  lossyNumbers: readonly LossyNumber[];
  byteCount: number;
}

/** @throws Problem not_json, too_large, request_timeout or malformed */
export async function readJsonBody(incoming: IncomingMessage): Promise<JsonBody> {
  const { 'content-type': contentType, 'content-encoding': encoding } = incoming.headers;
  if (!isJson(contentType)) {
    throw new Problem('not_json', 'Send the body with "Content-Type: application/json".');
  }
  if (encoding !== undefined && encoding !== 'identity') {
    throw new Problem('not_json', 'Send the body without a Content-Encoding; compressed bodies are not taken.');
  }
  const bytes = await readBounded(incoming, maxBodyBytes);
  return { ...parse(bytes), byteCount: bytes.length };
}

/** Whether there is no body at all, as a call with everything in its query has none. */
export function hasNoBody(incoming: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = incoming.headers;
  return encoding === undefined && (length === undefined || length === '0');
}

function isJson(contentType: string | undefined): boolean {
  if (contentType === 'application/json') return true;
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  return type === 'application/json' || /^application\/[a-z0-9.!#$&^_-]+\+json$/.test(type);
}

/** @throws Problem too_large, request_timeout or malformed */
export async function readBounded(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  try {
    return await readBody(incoming, { maxBytes, limitMs: bodyLimitMs });
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    const code = error.code === 'too_large' ? 'too_large' : error.code === 'too_slow' ? 'request_timeout' : 'malformed';
    throw new Problem(code, error.message, { cause: error });
  }
}

function parse(bytes: Buffer): Pick<JsonBody, 'value' | 'lossyNumbers'> {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (cause) {
    throw new Problem('malformed', 'The body is not UTF-8.', { cause });
  }
  if (text.trim() === '') throw new Problem('malformed', 'The body is empty; a JSON object is expected.');
  const read = readJsonText(text);
  if (read.ok) return { value: read.value, lossyNumbers: read.lossyNumbers };
  throw new Problem('malformed', `At line ${read.line}, column ${read.column}: ${read.detail}.`);
}
