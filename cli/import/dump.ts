// A dump of the old admin: a Django fixture, that is a JSON list of {"model", "pk", "fields"}. From the file's bytes to its
// entries, before anybody asks what they mean.
import { describeError, PosthornError } from '../../lib/errors.ts';

export interface Entry {
  /** Its place in the list, from 0. */
  index: number;
  /** Lower-case, such as `admin_panel.template`. */
  model: string;
  pk: unknown;
  fields: Readonly<Record<string, unknown>>;
}

/** What a string can hold in V8 is about 536 million characters. */
export const maxDumpBytes = 400 * 1024 * 1024;

/** @throws PosthornError dump_invalid with what to do about it, or naming the place */
export function parseDump(bytes: Uint8Array): Entry[] {
  const list = parseJson(decode(bytes));
  if (!Array.isArray(list)) {
    throw invalid('it is not a JSON list of {"model", "pk", "fields"}, as `manage.py dumpdata` writes one');
  }
  return list.map(toEntry);
}

/** UTF-8, or UTF-16 with its mark: what `dumpdata > file` becomes in PowerShell. */
function decode(bytes: Uint8Array): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw invalid('it is not UTF-8; write it anew with `python -Xutf8 manage.py dumpdata admin_panel -o dump.json`');
  }
}

function parseJson(text: string): unknown {
  if (text.trim() === '') throw invalid('it is empty');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`it is not JSON: ${describeError(error).replace(/\s+/g, ' ')}`);
  }
}

function toEntry(value: unknown, index: number): Entry {
  if (!isObject(value)) throw invalid(`/${index}: it is not an object with model, pk and fields`);
  const { model, pk, fields } = value;
  if (typeof model !== 'string' || model === '') throw invalid(`/${index}/model: it is missing, or no text`);
  if (!isObject(fields)) throw invalid(`/${index}/fields (${model}): it is missing, or no object`);
  return { index, model: model.toLowerCase(), pk, fields };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string): PosthornError {
  return new PosthornError('dump_invalid', `the dump cannot be read: ${message}`);
}
