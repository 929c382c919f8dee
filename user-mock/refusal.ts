// How this world says no: a status, a code for programs, a sentence for people.
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { ZodError } from 'zod';

export interface Refusal {
  code: string;
  error: string;
}

export function refuse(c: Context, status: ContentfulStatusCode, code: string, error: string): Response {
  return c.json({ code, error } satisfies Refusal, status);
}

/** Every fault that zod found, in one line: "ids.3: expected string; limit: too big". */
export function describeFaults(fault: ZodError): string {
  return fault.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ');
}

/** @returns the JSON of a request's body, undefined when it is none (no JSON text parses to undefined) */
export async function readJson(c: Context): Promise<unknown> {
  const text = await c.req.text();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
