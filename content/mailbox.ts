// A sender as people write it: `Lumen <post@lumen.example>` or the bare address.
import { isEmailAddress } from './address.ts';

export interface Mailbox {
  /** Empty when there is only an address. */
  name: string;
  address: string;
}

/** @returns undefined when it is neither `name <address>` nor an address */
export function parseMailbox(text: string): Mailbox | undefined {
  const parts = /^\s*(?:"([^"\\]*)"|([^<>"]*?))\s*<([^<>]*)>\s*$/.exec(text);
  const address = (parts?.[3] ?? text).trim();
  if (!isEmailAddress(address)) return undefined;
  return { name: parts?.[1] ?? parts?.[2] ?? '', address };
}
