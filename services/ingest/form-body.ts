// The body of a form's POST: what a browser sends for the page's buttons, and what mail providers send for one click.
import type { IncomingMessage } from 'node:http';
import { Problem } from './problem.ts';
import { readBounded } from './request-body.ts';

/** A few fields: nobody has vouched for who sends them. */
const maxFormBytes = 8 * 1024;

export interface FormBody {
  text: string;
  /** The first value of each name; none for a body that is no form. */
  fields: ReadonlyMap<string, string>;
}

/**
 * RFC 8058 section 3.1: one click comes as multipart/form-data or as application/x-www-form-urlencoded.
 * @throws Problem too_large, request_timeout or malformed
 */
export async function readForm(incoming: IncomingMessage): Promise<FormBody> {
  const bytes = await readBounded(incoming, maxFormBytes);
  const text = bytes.toString();
  const type = incoming.headers['content-type'] ?? '';
  if (!/^(?:multipart\/form-data|application\/x-www-form-urlencoded)\s*(?:;|$)/i.test(type) || text === '')
    return { text, fields: new Map() };
  try {
    const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': type } }).formData();
    const fields = new Map<string, string>();
    for (const [name, value] of form) if (typeof value === 'string' && !fields.has(name)) fields.set(name, value);
    return { text, fields };
  } catch (cause) {
    throw new Problem('malformed', 'The body is not the form that its Content-Type says.', { cause });
  }
}
