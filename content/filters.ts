// Filters that do otherwise than LiquidJS's own: characters are those that readers see, dates are not guessed, numbers have
// the digits that are true, and what a template has captured stays HTML.
import type { Context, FilterImplOptions, Liquid } from 'liquidjs';
import { isZone, readDate } from './dates.ts';
import { countGraphemes, takeGraphemes, toGraphemes } from './graphemes.ts';
import { toSafeUrl } from './links.ts';
import { CapturedHtml, HtmlCaptureTag, Quotient, writeHtml } from './render-nodes.ts';
import { escapeHtml, writeValue } from './written-value.ts';

interface Call {
  context: Context;
}
type Handler = (this: Call, value: unknown, ...args: unknown[]) => unknown;

export function registerFilters(engine: Liquid): void {
  const own = (name: string): Handler => toHandler(engine.filters[name]);
  const register = (name: string, handler: Handler) => engine.registerFilter(name, handler as FilterImplOptions);
  register('url', (value) => toSafeUrl(writeValue(value)));
  registerCharacters(register, own);
  registerDates(register, own);
  for (const name of ['plus', 'minus', 'times', 'modulo', 'divided_by']) {
    const calculate = own(name);
    register(name, function (...args) {
      const result = calculate.apply(this, args);
      return typeof result === 'number' ? toTrueDigits(result) : result;
    });
  }
  const sum = own('sum');
  register('sum', function* (...args) {
    return toTrueDigits(yield* sum.apply(this, args) as Generator<unknown, number>);
  });
  for (const name of ['url_encode', 'cgi_escape', 'uri_escape']) {
    const encode = own(name);
    // Of half a character no address can be made.
    register(name, function (value) {
      return encode.call(this, writeValue(unwrap(value)).toWellFormed());
    });
  }
  const decode = own('url_decode');
  register('url_decode', function (value) {
    try {
      return decode.call(this, value);
    } catch {
      return value;
    }
  });
  registerJoiners(register, own);
}

/** Filters whose result is HTML already: written as it is, where escaping it again would show its entities. */
export function registerHtml(engine: Liquid): void {
  const escapeOnce = toHandler(engine.filters.escape_once);
  const raw = (name: string, handler: Handler) =>
    engine.registerFilter(name, { handler, raw: true } as FilterImplOptions);
  const escapeAll: Handler = function (value) {
    return escapeHtml(count(this, value instanceof CapturedHtml ? value.html : writeValue(value)));
  };
  // Not `valueOf`, which would write its values unescaped.
  raw('raw', (value) => (value instanceof CapturedHtml ? value.html : value));
  raw('escape', escapeAll);
  raw('xml_escape', escapeAll);
  raw('escape_once', escapeOnce);
  raw('newline_to_br', function (value) {
    return count(this, writeHtml(value)).replace(/\r?\n/g, '<br>\n');
  });
  registerCaptured(engine);
  engine.registerTag('capture', HtmlCaptureTag);
}

/** As many digits of a JavaScript number are true: 0.1 + 0.2 is 0.3. With all of them taken it is the rest of a division. */
const trueDigits = 15;

function toTrueDigits(value: number): number | Quotient {
  if (Number.isInteger(value) || !Number.isFinite(value)) return value;
  const tidy = Number(value.toPrecision(trueDigits));
  const digits = String(tidy)
    .replace(/e.*$|[-.]/g, '')
    .replace(/^0+/, '');
  return digits.length < trueDigits ? tidy : new Quotient(value);
}

function registerCharacters(register: (name: string, handler: Handler) => void, own: (name: string) => Handler): void {
  const [split, first, last, slice, size, replace] = ['split', 'first', 'last', 'slice', 'size', 'replace'].map(
    own,
  ) as [Handler, Handler, Handler, Handler, Handler, Handler];
  register('split', function (value, separator) {
    return writeValue(separator) === '' ? charactersOf(this, value) : split.call(this, value, separator);
  });
  register('first', function (value) {
    return isText(value) ? takeGraphemes(writeValue(unwrap(value)), 1) : first.call(this, value);
  });
  register('last', function (value) {
    return isText(value) ? (charactersOf(this, value).at(-1) ?? '') : last.call(this, value);
  });
  register('size', function (value) {
    return isText(value) ? countGraphemes(count(this, writeValue(unwrap(value)))) : size.call(this, value);
  });
  register('slice', function (value, begin, length = 1) {
    if (Array.isArray(value) || value === null || value === undefined) return slice.call(this, value, begin, length);
    const characters = charactersOf(this, value);
    const from = Number(begin) < 0 ? characters.length + Number(begin) : Number(begin);
    return from < 0 || Number(length) < 0 ? '' : characters.slice(from, from + Number(length)).join('');
  });
  register('truncate', function (value, length = 50, ending = '...') {
    const text = count(this, writeValue(unwrap(value)));
    const end = count(this, writeValue(unwrap(ending)));
    const max = Number(length);
    if (text.length <= max || takeGraphemes(text, max).length === text.length) return value;
    return takeGraphemes(text, Math.max(max - countGraphemes(end), 0)) + end;
  });
  register('capitalize', function (value) {
    const text = count(this, writeValue(unwrap(value)));
    const initial = takeGraphemes(text, 1);
    return initial.toUpperCase() + text.slice(initial.length).toLowerCase();
  });
  register('replace', function (value, pattern, replacement) {
    if (writeValue(pattern) !== '') return replace.call(this, value, pattern, replacement);
    const filling = writeValue(unwrap(replacement));
    const characters = charactersOf(this, value);
    this.context.memoryLimit.use(characters.length * filling.length);
    return characters.join(filling);
  });
}

function registerDates(register: (name: string, handler: Handler) => void, own: (name: string) => Handler): void {
  for (const name of ['date', 'date_to_xmlschema', 'date_to_rfc822', 'date_to_string', 'date_to_long_string']) {
    const write = own(name);
    register(name, function (value, format, zone) {
      const read = readDate(unwrap(value), Date.now());
      if (!read) return value;
      // A day has no zone: it is written as the day that it is.
      const place = name === 'date' ? (read.kind === 'day' ? 0 : toZone(zone)) : zone;
      return write.call(this, new Date(read.ms), format, place);
    });
  }
}

const knownZones = new Map<string, boolean>();
const maxKnownZones = 1_000;

/** @returns undefined, which is UTC, for a zone that there is not: of one person's data it keeps no message back */
function toZone(zone: unknown): unknown {
  if (typeof zone === 'number') return Number.isFinite(zone) ? zone : undefined;
  if (typeof zone !== 'string') return undefined;
  if (/^-?\d{1,4}$/.test(zone)) return Number(zone);
  let isKnown = knownZones.get(zone);
  if (isKnown === undefined) {
    isKnown = isZone(zone);
    if (knownZones.size < maxKnownZones) knownZones.set(zone, isKnown);
  }
  return isKnown ? zone : undefined;
}

/** What joins texts: HTML where one of them is, the others escaped. */
function registerJoiners(register: (name: string, handler: Handler) => void, own: (name: string) => Handler): void {
  const [append, prepend] = [own('append'), own('prepend')];
  const join = (call: Call, parts: readonly unknown[]): unknown => {
    const isHtml = parts.some((part) => part instanceof CapturedHtml);
    const text = count(call, parts.map(isHtml ? writeHtml : writeValue).join(''));
    return isHtml ? new CapturedHtml(text) : text;
  };
  register('append', function (...args) {
    return args.length === 2 ? join(this, args) : append.apply(this, args);
  });
  register('prepend', function (...args) {
    return args.length === 2 ? join(this, [args[1], args[0]]) : prepend.apply(this, args);
  });
  register('join', function (value, separator = ' ') {
    const list: unknown[] = Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
    this.context.memoryLimit.use(list.length * writeValue(separator).length);
    return join(
      this,
      list.flatMap((item, at) => (at === 0 ? [item] : [separator ?? ' ', item])),
    );
  });
}

/** Captured HTML goes through these as HTML; through every other filter as the text that it was. */
function registerCaptured(engine: Liquid): void {
  for (const name of [
    'strip',
    'lstrip',
    'rstrip',
    'strip_newlines',
    'strip_html',
    'squish',
    'normalize_whitespace',
    'split',
    'replace',
    'replace_first',
    'replace_last',
    'remove',
    'remove_first',
    'remove_last',
  ]) {
    const handler = toHandler(engine.filters[name]);
    engine.registerFilter(name, function (this: Call, value: unknown, ...args: unknown[]) {
      if (!(value instanceof CapturedHtml)) return handler.call(this, value, ...args);
      // What is put in is escaped; what is looked for is meant as it stands.
      const given = args.map((arg, at) => (at === 1 && name.startsWith('replace') ? writeHtml(arg) : writeValue(arg)));
      const result = handler.call(this, value.html, ...given);
      const keep = (item: unknown) => new CapturedHtml(writeValue(item));
      return Array.isArray(result) ? result.map(keep) : keep(result);
    } as FilterImplOptions);
  }
  const useDefault = toHandler(engine.filters.default);
  engine.registerFilter('default', function (this: Call, value: unknown, ...args: unknown[]) {
    return value instanceof CapturedHtml && value.html !== '' ? value : useDefault.call(this, value, ...args);
  } as FilterImplOptions);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' || value instanceof CapturedHtml;
}

function charactersOf(call: Call, value: unknown): string[] {
  const text = writeValue(unwrap(value));
  call.context.memoryLimit.use(text.length);
  return toGraphemes(text);
}

function count(call: Call, text: string): string {
  call.context.memoryLimit.use(text.length);
  return text;
}

function unwrap(value: unknown): unknown {
  return value instanceof CapturedHtml ? value.valueOf() : value;
}

function toHandler(filter: FilterImplOptions | undefined): Handler {
  const handler = typeof filter === 'function' ? filter : filter?.handler;
  if (!handler) throw new Error('LiquidJS has lost a filter');
  return handler as Handler;
}
