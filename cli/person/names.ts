// What a person is called in texts that people wrote: reasons, searches, idempotency keys. Pure.

export interface Name {
  kind: 'id' | 'address' | 'other';
  text: string;
  /** What stands in its place afterwards. */
  replacement: string;
}

export const erasedWord = '(erased)';

/** Shorter ids are words and numbers of everyday texts: there they are only found where a whole value is one. */
const minCharsInText = 6;
/** Such an id is nobody's end of a name: it is found behind a hyphen or a colon as well (`welcome-<id>`). */
const minCharsBehindAnything = 12;

const letters = String.raw`\p{L}\p{N}`;
const before: Readonly<Record<Name['kind'], string>> = {
  id: `${letters}._:@+-`,
  address: `${letters}._+-`,
  other: letters,
};

/** @returns undefined where the text holds none of the names */
export function replaceInText(text: string, names: readonly Name[]): string | undefined {
  let result = text;
  for (const name of names) {
    if (text === name.text) result = name.replacement;
    else if (isFoundInText(name)) result = result.replace(toPattern(name), () => name.replacement);
  }
  return result === text ? undefined : result;
}

/** Anywhere in the text, also within another word: for what may be emptied as a whole. */
export function holdsName(text: string, names: readonly Name[]): boolean {
  const isIn = (name: Name) => isFoundInText(name) && text.toLowerCase().includes(name.text.toLowerCase());
  return names.some((name) => isIn(name) || isSame(name, text));
}

/** As replaceInText, of the id of `<what> <id>`, however short. */
export function replaceInSubject(subject: string, names: readonly Name[]): string | undefined {
  const at = subject.indexOf(' ');
  const id = subject.slice(at + 1);
  const name = at > 0 ? names.find((one) => isSame(one, id)) : undefined;
  return name ? `${subject.slice(0, at)} ${name.replacement}` : replaceInText(subject, names);
}

/** As replaceInText, in every text and name of a JSON value. */
export function replaceInJson(value: unknown, names: readonly Name[]): unknown {
  const replaced = walk(value, names);
  return JSON.stringify(replaced) === JSON.stringify(value) ? undefined : replaced;
}

function walk(value: unknown, names: readonly Name[]): unknown {
  if (typeof value === 'string') return replaceInText(value, names) ?? value;
  if (Array.isArray(value)) return value.map((one) => walk(one, names));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [replaceInText(key, names) ?? key, walk(one, names)]),
  );
}

/** What somebody has given besides the id was meant, however short: 佐藤. */
function isFoundInText({ kind, text }: Name): boolean {
  return kind !== 'id' || text.length >= minCharsInText;
}

function isSame(name: Name, text: string): boolean {
  return name.kind === 'id' ? text === name.text : text.toLowerCase() === name.text.toLowerCase();
}

function toPattern({ kind, text }: Name): RegExp {
  const isLongId = kind === 'id' && text.length >= minCharsBehindAnything;
  const escaped = text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  const flags = kind === 'id' ? 'gu' : 'giu';
  return new RegExp(`(?<![${isLongId ? letters : before[kind]}])${escaped}(?![.:_-]?[${letters}@])`, flags);
}
