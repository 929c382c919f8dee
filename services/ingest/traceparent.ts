// W3C Trace Context: one trace from the caller's request to the mail server. https://www.w3.org/TR/trace-context/
import { randomBytes } from 'node:crypto';

const form = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The caller's, where it is valid, else the beginning of a trace. */
export function toTraceparent(header: string | undefined): string {
  if (header !== undefined && form.test(header)) return header;
  const id = randomBytes(24).toString('hex');
  return `00-${id.slice(0, 32)}-${id.slice(32)}-01`;
}
