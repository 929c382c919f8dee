// What the context of a request may be: the text of one JSON object. One judgement for HTTP, topics, pages, previews and
// imports.
import { readJsonText, toPointer } from './json-text.ts';

/** Of the text, in UTF-8. */
export const maxContextBytes = 64 * 1024;
/** The object itself is the first. */
export const maxContextLevels = 16;

export interface ContextFault {
  /** From the context downwards. */
  path: readonly PropertyKey[];
  detail: string;
}

// Tabs and line breaks are text; the others only ever harm (NUL ends the line for Postgres).
// biome-ignore lint/suspicious/noControlCharactersInRegex: this is the check for them.
const controlCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;
const maxFaults = 50;

/** @returns what is wrong with it, for people, to be put behind "it" or "context"; undefined when it is usable */
export function findContextFault(text: string): string | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes > maxContextBytes) return `is ${bytes} bytes long; ${maxContextBytes} are allowed`;
  const read = readJsonText(text);
  if (!read.ok) return `is not JSON: at line ${read.line}, column ${read.column} ${read.detail}`;
  const { value, lossyNumbers } = read;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be a JSON object';
  const [fault] = [...findContextFaults(value as Record<string, unknown>), ...lossyNumbers];
  if (!fault) return undefined;
  return fault.path.length === 0 ? fault.detail : `is wrong at ${toPointer(fault.path)}: ${fault.detail}`;
}

/** Of a context that was parsed. Numbers that lost digits or became infinite are seen in the text alone (json-text.ts). */
export function findContextFaults(context: Record<string, unknown>): ContextFault[] {
  const faults: ContextFault[] = [];
  let isTooDeep = false;
  const check = (text: string, path: readonly PropertyKey[], what: string): boolean => {
    if (controlCharacter.test(text)) faults.push({ path, detail: `${what} holds a control character` });
    else if (!text.isWellFormed()) faults.push({ path, detail: `${what} holds half a surrogate pair` });
    else return true;
    return false;
  };
  const walk = (value: unknown, path: readonly PropertyKey[], depth: number): void => {
    if (isTooDeep || faults.length >= maxFaults) return;
    if (typeof value === 'string') check(value, path, 'the text');
    else if (typeof value === 'object' && value !== null) {
      if (depth > maxContextLevels) isTooDeep = true;
      else if (Array.isArray(value)) {
        for (const [index, item] of value.entries()) walk(item, [...path, index], depth + 1);
      } else {
        for (const [name, member] of Object.entries(value)) {
          // The name is not repeated in the pointer when it is itself what is wrong.
          if (check(name, path, 'a name')) walk(member, [...path, name], depth + 1);
        }
      }
    }
  };
  walk(context, [], 1);
  return isTooDeep ? [{ path: [], detail: `may have at most ${maxContextLevels} levels` }] : faults;
}

/**
 * The same text for the same content, whatever the order and spacing it came in, so that a retry makes the same record.
 * @param value at most maxContextLevels levels
 */
export function toCanonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toCanonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${toCanonicalJson(member)}`).join(',')}}`;
}

export function isTooLong(contextText: string): boolean {
  return contextText.length > maxContextBytes || Buffer.byteLength(contextText) > maxContextBytes;
}
