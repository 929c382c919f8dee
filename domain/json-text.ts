// Reads a JSON text (RFC 8259) and says at which line and column it is wrong. Beside what JSON.parse refuses it refuses
// a name that stands twice in one object: readers disagree on which one counts. Numbers that a reader with doubles would
// change (RFC 8259, section 6) are told apart, with their places. More values than any body of ours can have are refused
// (section 9): to read and judge them all would hold up everybody else.

/** A number whose digits a double does not keep. */
export interface LossyNumber {
  /** Keys and indexes from the root. */
  path: (string | number)[];
  detail: string;
}

export type JsonText =
  /** `lossyNumbers`: the first ones, at most 50. */
  | { ok: true; value: unknown; lossyNumbers: LossyNumber[] }
  | { ok: false; detail: string; line: number; column: number };

const maxLossyNumbers = 50;

export function readJsonText(text: string): JsonText {
  const lossyNumbers: LossyNumber[] = [];
  const fault = findFault(text, (path, detail) => {
    if (lossyNumbers.length < maxLossyNumbers) lossyNumbers.push({ path: path(), detail });
  });
  if (fault) return { ok: false, detail: fault.detail, ...toLineAndColumn(text, fault.at) };
  try {
    return { ok: true, value: JSON.parse(text) as unknown, lossyNumbers };
  } catch {
    return { ok: false, detail: 'this is not JSON', ...toLineAndColumn(text, text.length) };
  }
}

/** A JSON pointer (RFC 6901). @param path keys and indexes from the root */
export function toPointer(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** A context of 64 kB has 33,000 at most, a call has 10,000 ids, a thousand reports have 6,000. */
const maxValues = 45_000;

interface TextFault {
  at: number;
  detail: string;
}

const literal = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const escaped = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;

/** An open object or array: the names seen in it (null for an array), and the name or index of the value under way. */
interface Open {
  names: Set<string> | null;
  step: string | number;
}

/**
 * Keeps its own stack, so that no depth of nesting can exhaust the machine's.
 * @param onLossyNumber `path` is built only when it is called: most texts have no such number
 */
function findFault(
  text: string,
  onLossyNumber: (path: () => (string | number)[], detail: string) => void,
): TextFault | undefined {
  const open: Open[] = [];
  const path = () => open.map(({ step }) => step);
  let at = skipSpace(text, 0);
  let valueCount = 0;
  for (;;) {
    // A value begins at `at`.
    const first = text[at];
    if (first === '{' || first === '[') {
      open.push(first === '{' ? { names: new Set(), step: '' } : { names: null, step: 0 });
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
      const detail = findLoss(text.slice(at, literal.lastIndex));
      if (detail !== undefined) onLossyNumber(path, detail);
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
        // Depth alone costs little, and has a limit of its own where it is judged.
        valueCount += 1;
        if (valueCount > maxValues)
          return { at, detail: `there are more than ${maxValues.toLocaleString('en')} values` };
        at = skipSpace(text, at + 1);
        if (typeof inside.step === 'number') {
          inside.step += 1;
          break;
        }
        const name = readName(text, at, inside);
        if (typeof name !== 'number') return name;
        at = name;
        break;
      }
      const closing = inside.names === null ? ']' : '}';
      if (text[at] !== closing) return { at, detail: expected(text, at, `a comma or "${closing}"`) };
      open.pop();
      at += 1;
    }
  }
}

/** @returns where the value after `"name":` begins */
function readName(text: string, at: number, object: Open | undefined): number | TextFault {
  if (text[at] !== '"') return { at, detail: expected(text, at, 'a name in double quotes') };
  const end = endOfString(text, at);
  if (typeof end !== 'number') return end;
  const raw = text.slice(at, end);
  const name = raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1);
  if (object?.names?.has(name)) return { at, detail: 'this name stands twice in one object' };
  object?.names?.add(name);
  if (object) object.step = name;
  const colon = skipSpace(text, end);
  if (text[colon] !== ':') return { at: colon, detail: expected(text, colon, 'a colon') };
  return skipSpace(text, colon + 1);
}

/** A double keeps 15 decimal digits of any number, and 17 of some. */
const alwaysKeptChars = 15;

/** @param token true, false, null or a number @returns why the number would not be the same once it is read */
function findLoss(token: string): string | undefined {
  const isPlain = token.length <= alwaysKeptChars && !/[eE]/.test(token);
  if (isPlain || !/[0-9]/.test(token)) return undefined;
  const value = Number(token);
  if (!Number.isFinite(value)) return 'the number is too large';
  if (toDecimal(token) === toDecimal(String(value))) return undefined;
  return 'the number would lose digits: give it as text, in quotes';
}

/** One form for one value, whatever the notation: its digits without zeros at either end, and their power of ten. */
function toDecimal(number: string): string {
  const [mantissa = '', power = '0'] = number.replace('-', '').toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = whole + fraction;
  let from = 0;
  while (digits[from] === '0') from += 1;
  let until = digits.length;
  while (until > from && digits[until - 1] === '0') until -= 1;
  if (from === until) return '0';
  return `${digits.slice(from, until)}e${Number(power) - fraction.length + digits.length - until}`;
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
