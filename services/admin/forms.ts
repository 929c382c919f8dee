// The bodies of forms: bounded, text only, and kept as they were entered so that a page can show them again with what is
// wrong beside each field.
import type { z } from 'zod';
import { BodyError, readBody } from '../../lib/read-body.ts';
import { parseFields } from './form-fields.ts';
import { PageError } from './page-error.ts';
import type { AdminContext } from './parts.ts';

export type FormFields = Readonly<Record<string, string>>;
/** What is wrong, by field; `form` is the whole of it. */
export type FormFaults = Record<string, string>;

/** Of somebody who is logged in: a template's texts, or ids that were pasted. */
const knownLimits = { maxBytes: 2 * 1024 * 1024, limitMs: 60_000 };
/** The log-in needs no more, and nobody has vouched for who sends it. With its headers a call has 30 s (lib/http-server.ts). */
const anonymousLimits = { maxBytes: 8 * 1024, limitMs: 20_000 };
/** A form of ours has some dozens, and one for each category or row that is chosen. */
const maxFields = 2_000;

export interface Form {
  /** Of a field that comes several times, the last value. */
  fields: FormFields;
  /** All values of each field. */
  lists: Readonly<Record<string, readonly string[]>>;
}

/**
 * The form of this request, read once, however often it is asked for.
 * @throws PageError 408, 413, 415 or 400
 */
export async function readForm(c: AdminContext): Promise<Form> {
  const known = c.get('form');
  if (known) return known;
  const form = await parseForm(c);
  c.set('form', form);
  return form;
}

async function parseForm(c: AdminContext): Promise<Form> {
  const type = c.req.header('content-type') ?? '';
  if (!type.startsWith('application/x-www-form-urlencoded')) throw new PageError(415, 'This is not a form.');
  const parsed = parseFields(await readBytes(c), maxFields);
  if (parsed.kind === 'too_many_fields') {
    throw new PageError(413, `This form has too many fields: at most ${maxFields.toLocaleString('en-US')}.`);
  }
  if (parsed.kind === 'nul') throw new PageError(400, `The field ${parsed.name} holds a NUL character.`);
  const fields: Record<string, string> = Object.create(null);
  const lists: Record<string, string[]> = Object.create(null);
  for (const [name, value] of parsed.fields) {
    fields[name] = value;
    lists[name] ??= [];
    lists[name].push(value);
  }
  return { fields, lists };
}

async function readBytes(c: AdminContext): Promise<Buffer> {
  const limits = c.get('session') ? knownLimits : anonymousLimits;
  try {
    return await readBody(c.env.incoming, limits);
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    if (error.code === 'too_large') {
      const kilobytes = Math.floor(limits.maxBytes / 1024);
      throw new PageError(413, `This is too large: at most ${kilobytes} kB.`, { cause: error });
    }
    throw new PageError(error.code === 'too_slow' ? 408 : 400, error.message, { cause: error });
  }
}

/** The parsed form, or what is wrong with each field. */
export function checkForm<S extends z.ZodObject>(
  shape: S,
  fields: Record<string, unknown>,
): { value: z.output<S>; faults?: undefined } | { value?: undefined; faults: FormFaults } {
  const result = shape.safeParse(fields);
  if (result.success) return { value: result.data };
  const faults: FormFaults = {};
  for (const issue of result.error.issues) faults[String(issue.path[0] ?? 'form')] ??= issue.message;
  return { faults };
}

/** A whole number from 1 that Postgres can hold as an integer. */
export function readNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}
