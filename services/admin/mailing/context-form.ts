// A mailing's context as a form: one field for each variable that the template reads and nobody else gives, and everything
// besides as JSON. Pure.
import { findContextFault } from '../../../domain/context.ts';
import { readJsonText } from '../../../domain/json-text.ts';
import type { FormFaults, FormFields } from '../forms.ts';

export interface ContextForm {
  fields: { name: string; value: string; isMissing: boolean }[];
  /** Of the values without a field: the text of one JSON object, or nothing. */
  rest: string;
}

type Values = Record<string, unknown>;

const prefix = 'context.';

/** @param names of the variables that have a field */
export function toContextForm(names: readonly string[], context: string): ContextForm {
  const values = parse(context);
  const rest = Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
  return {
    fields: names.map((name) => ({ name, value: toText(values, name), isMissing: !Object.hasOwn(values, name) })),
    rest: Object.keys(rest).length === 0 ? '' : JSON.stringify(rest, null, 2),
  };
}

/** The form as it was sent, for showing it again. */
export function toSentContextForm(names: readonly string[], sent: FormFields): ContextForm {
  return {
    fields: names.map((name) => ({ name, value: sent[prefix + name] ?? '', isMissing: !sent[prefix + name] })),
    rest: sent.context_json ?? '',
  };
}

/**
 * An empty field gives nothing; one that was not touched keeps the value it stood for, which need not be a text.
 * @param stored the context that the form was made of
 * @returns faults by field: `context_json`, or the whole of it there
 */
export function fromContextForm(sent: FormFields, stored: string): { context: string } | { faults: FormFaults } {
  const rest = (sent.context_json ?? '').trim() || '{}';
  const fault = findContextFault(rest);
  if (fault) return { faults: { context_json: `This ${fault}.` } };
  const before = parse(stored);
  const faults: FormFaults = {};
  const given = Object.entries(sent).flatMap(([field, text]): [string, unknown][] => {
    if (!field.startsWith(prefix)) return [];
    const name = field.slice(prefix.length);
    if (Object.hasOwn(before, name) && toText(before, name) === text) return [[name, before[name]]];
    if (text === '') return [];
    const { value, fault } = toValue(text);
    if (fault !== undefined) faults[field] = `In this value ${fault}.`;
    return [[name, value]];
  });
  if (Object.keys(faults).length > 0) return { faults };
  const context = JSON.stringify({ ...parse(rest), ...Object.fromEntries(given) });
  const wholeFault = findContextFault(context);
  return wholeFault ? { faults: { context_json: `The whole context ${wholeFault}.` } } : { context };
}

/** What keeps a mailing from being confirmed: variables that its template reads and its context lacks. */
export function findMissing(names: readonly string[], context: string): string[] {
  const values = parse(context);
  return names.filter((name) => !Object.hasOwn(values, name) || values[name] === null);
}

/** Lists and objects are written as JSON; everything else is the text as it stands. */
function toValue(text: string): { value: unknown; fault?: string } {
  if (!/^\s*[[{]/.test(text)) return { value: text };
  const read = readJsonText(text);
  if (!read.ok) return { value: text };
  const [lossy] = read.lossyNumbers;
  return { value: read.value, ...(lossy ? { fault: lossy.detail } : {}) };
}

function toText(values: Values, name: string): string {
  if (!Object.hasOwn(values, name)) return '';
  const value = values[name];
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function parse(context: string): Values {
  return findContextFault(context) === undefined ? JSON.parse(context) : {};
}
