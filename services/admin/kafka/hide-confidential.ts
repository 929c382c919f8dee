// Messages of templates marked confidential are looked at without what only their receiver may know: one-time codes,
// addresses, texts, and links that act for the person.
import { headerNames } from '../../../lib/kafka/headers.ts';

/** Stands in the place of a hidden value; as JSON it is the word. */
export const hidden: unknown = Object.freeze({ toJSON: () => 'confidential' });

const hiddenFields: ReadonlySet<string> = new Set([
  'address',
  'test_address',
  'first_name',
  'last_name',
  'subject',
  'text',
  'html',
  'unsubscribe_url',
]);
const jsonFields: ReadonlySet<string> = new Set(['context', 'collected']);

export function hideConfidential(event: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const shown = Object.entries(event).map(([name, value]) => {
    if (value === null || value === '') return [name, value];
    if (jsonFields.has(name)) return [name, hideValues(value)];
    if (name === 'test' && typeof value === 'object') return [name, hideConfidential({ ...value })];
    return [name, hiddenFields.has(name) ? hidden : value];
  });
  return Object.fromEntries(shown);
}

const ownHeaders: ReadonlySet<string> = new Set(Object.values(headerNames));

/** A producer may write anything into headers of its own. */
export function hideHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const shown = Object.entries(headers).map(([name, value]) => [name, ownHeaders.has(name) ? value : 'confidential']);
  return Object.fromEntries(shown);
}

/** The names in a JSON object stay, for they are the template's variables. */
function hideValues(text: unknown): unknown {
  try {
    const value: unknown = JSON.parse(String(text));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return hidden;
    return Object.fromEntries(Object.keys(value).map((name) => [name, hidden]));
  } catch {
    return hidden;
  }
}
