// Judges and writes a request's context: a JSON object of any shape, so the one place where callers decide the depth.
import { maxContextBytes, maxContextLevels } from '../../lib/json-text.ts';

export interface ContextFault {
  /** From the context downwards. */
  path: readonly PropertyKey[];
  detail: string;
}

// Tabs and line breaks are text; the others only ever harm (NUL ends the line for Postgres).
// biome-ignore lint/suspicious/noControlCharactersInRegex: this is the check for them.
const controlCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

export function findContextFaults(context: Record<string, unknown>): ContextFault[] {
  const faults: ContextFault[] = [];
  const check = (text: string, path: readonly PropertyKey[], what: string): boolean => {
    if (controlCharacter.test(text)) faults.push({ path, detail: `${what} holds a control character` });
    else if (!text.isWellFormed()) faults.push({ path, detail: `${what} holds half a surrogate pair` });
    else return true;
    return false;
  };
  const walk = (value: unknown, path: readonly PropertyKey[], depth: number): void => {
    if (typeof value === 'string') check(value, path, 'the text');
    else if (typeof value === 'number' && !Number.isFinite(value))
      faults.push({ path, detail: 'the number is too large' });
    else if (typeof value === 'object' && value !== null) {
      if (depth > maxContextLevels) {
        faults.push({ path: [], detail: `may have at most ${maxContextLevels} levels` });
      } else if (Array.isArray(value)) {
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
  const tooDeep = faults.find(({ path, detail }) => path.length === 0 && detail.startsWith('may have'));
  return tooDeep ? [tooDeep] : faults;
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
