// Reads a JSON text (RFC 8259) and says at which line and column it is wrong. Beside what JSON.parse refuses it refuses
// a name that stands twice in one object: readers disagree on which one counts.

export type JsonText = { ok: true; value: unknown } | { ok: false; detail: string; line: number; column: number };

export function readJsonText(text: string): JsonText {
  const fault = findFault(text);
  if (fault) return { ok: false, detail: fault.detail, ...toLineAndColumn(text, fault.at) };
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return { ok: false, detail: 'this is not JSON', ...toLineAndColumn(text, text.length) };
  }
}

interface TextFault {
  at: number;
  detail: string;
}

const literal = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const escaped = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;

/** Keeps its own stack, so that no depth of nesting can exhaust the machine's. */
function findFault(text: string): TextFault | undefined {
  // For each open object the names seen; null for an open array.
  const open: (Set<string> | null)[] = [];
  let at = skipSpace(text, 0);
  for (;;) {
    // A value begins at `at`.
    const first = text[at];
    if (first === '{' || first === '[') {
      open.push(first === '{' ? new Set() : null);
      at = skipSpace(text, at + 1);
      if (text[at] === (first === '{' ? '}' : ']')) {
        open.pop();
        at += 1;
      } else if (first === '[') {
        continue;
      } else {
        const name = readName(text, at, open.at(-1));
        if (typeof name !== 'number') return name;
        at = name;
        continue;
      }
    } else if (first === '"') {
      const end = endOfString(text, at);
      if (typeof end !== 'number') return end;
      at = end;
    } else {
      literal.lastIndex = at;
      if (!literal.test(text)) return { at, detail: expected(text, at, 'a value') };
      at = literal.lastIndex;
    }
    // A value ended at `at`: what follows belongs to the innermost open one.
    for (;;) {
      at = skipSpace(text, at);
      const inside = open.at(-1);
      if (inside === undefined) {
        return at === text.length ? undefined : { at, detail: expected(text, at, 'the end') };
      }
      if (text[at] === ',') {
        at = skipSpace(text, at + 1);
        if (inside === null) break;
        const name = readName(text, at, inside);
        if (typeof name !== 'number') return name;
        at = name;
        break;
      }
      const closing = inside === null ? ']' : '}';
      if (text[at] !== closing) return { at, detail: expected(text, at, `a comma or "${closing}"`) };
      open.pop();
      at += 1;
    }
  }
}

/** @returns where the value after `"name":` begins */
function readName(text: string, at: number, seen: Set<string> | null | undefined): number | TextFault {
  if (text[at] !== '"') return { at, detail: expected(text, at, 'a name in double quotes') };
  const end = endOfString(text, at);
  if (typeof end !== 'number') return end;
  const raw = text.slice(at, end);
  const name = raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1);
  if (seen?.has(name)) return { at, detail: 'this name stands twice in one object' };
  seen?.add(name);
  const colon = skipSpace(text, end);
  if (text[colon] !== ':') return { at: colon, detail: expected(text, colon, 'a colon') };
  return skipSpace(text, colon + 1);
}

function endOfString(text: string, start: number): number | TextFault {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) return { at, detail: 'a control character in a string must be escaped' };
    if (code !== 0x5c) continue;
    escaped.lastIndex = at + 1;
    if (!escaped.test(text)) return { at, detail: 'there is no such escape' };
    at = escaped.lastIndex - 1;
  }
  return { at: start, detail: 'this string does not end' };
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break;
  }
  return at;
}

function expected(text: string, at: number, what: string): string {
  return at >= text.length ? `the text ends where ${what} is expected` : `${what} is expected here`;
}

function toLineAndColumn(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at);
  return { line: before.split('\n').length, column: at - before.lastIndexOf('\n') };
}
