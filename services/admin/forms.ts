// The bodies of forms: bounded, text only, and kept as they were entered so that a page can show them again with what is
// wrong beside each field.
import type { z } from 'zod';
import { PageError } from './page-error.ts';
import type { AdminContext } from './parts.ts';

export type FormFields = Readonly<Record<string, string>>;
/** What is wrong, by field; `form` is the whole of it. */
export type FormFaults = Record<string, string>;

export const maxFormBytes = 2 * 1024 * 1024;

export interface Form {
  /** Of a field that comes several times, the last value. */
  fields: FormFields;
  /** All values of each field. */
  lists: Readonly<Record<string, readonly string[]>>;
}

/**
 * The form of this request, read once, however often it is asked for.
 * @throws PageError 413, 415 or 400
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
  const text = await readText(c, maxFormBytes);
  const fields: Record<string, string> = Object.create(null);
  const lists: Record<string, string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    if (value.includes('\0')) throw new PageError(400, `The field ${name} holds a NUL character.`);
    const clean = value.replace(/\r\n?/g, '\n');
    fields[name] = clean;
    lists[name] = [...(lists[name] ?? []), clean];
  }
  return { fields, lists };
}

/** @throws PageError 413 */
export async function readText(c: AdminContext, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const body = c.req.raw.body;
  if (!body) return '';
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength;
    if (length > maxBytes) throw new PageError(413, `This is too large: at most ${Math.floor(maxBytes / 1024)} kB.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
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
