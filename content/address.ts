// What counts as an address. Stricter than the standards on purpose: an address is put into SMTP commands and mail
// headers, and what is refused here can inject nothing there. What people and their systems write around one is read first.
import { domainToASCII } from 'node:url';
import type { Channel } from '../domain/ids.ts';

const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const localPart = new RegExp(`^${atom}(?:\\.${atom})*$`);
const domainLabel = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const phoneNumber = /^\+[1-9]\d{6,14}$/;

/**
 * One addr-spec in dot-atom form (RFC 5322, 3.4.1) at a domain of two or more labels, within the lengths of RFC 5321,
 * 4.5.3.1. No quoted local parts, no address literals, no characters outside ASCII (a domain may be punycode).
 */
export function isEmailAddress(text: string): boolean {
  if (text.length > 254) return false;
  const at = text.lastIndexOf('@');
  if (at < 1 || at > 64 || !localPart.test(text.slice(0, at))) return false;
  const labels = text.slice(at + 1).split('.');
  return labels.length >= 2 && labels.every((label) => domainLabel.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '');
}

/** E.164 with its plus sign: at most 15 digits. */
export function isPhoneNumber(text: string): boolean {
  return phoneNumber.test(text);
}

/** Blanks of all kinds at both ends, and characters that nobody sees. */
const tidy = (text: string): string =>
  text.replaceAll(/[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, '').trim();

/** Nothing that anybody would see. */
export const isBlank = (text: string): boolean => tidy(text) === '';

/**
 * An address as a user service, a mail server's report or a person gives it: with blanks or line breaks around it, a name
 * before it (`Anna <anna@example.com>`), `mailto:`, `tel:` or `rfc822;`; phone numbers with blanks, brackets and 00; the
 * domain in any script (it becomes punycode).
 * @returns undefined when it is none, or not one
 */
export function readAddress(channel: Channel, text: string): string | undefined {
  return channel === 'email' ? readEmailAddress(text) : readPhoneNumber(text);
}

export function readEmailAddress(text: string): string | undefined {
  // Nearly all.
  if (isEmailAddress(text)) return text;
  const written = tidy(text);
  const inBrackets = /^[^<>@]*<([^<>]*)>$/.exec(written)?.[1] ?? written;
  const bare = tidy(/^mailto:([^?]*)/i.exec(inBrackets)?.[1] ?? inBrackets.replace(/^(?:rfc822|smtp)[;:]/i, ''));
  const at = bare.lastIndexOf('@');
  if (at < 1) return undefined;
  const address = `${bare.slice(0, at)}@${domainToASCII(bare.slice(at + 1).replace(/\.$/, ''))}`;
  return isEmailAddress(address) ? address : undefined;
}

export function readPhoneNumber(text: string): string | undefined {
  const written = tidy(text).replace(/^tel:/i, '');
  // Between the country code and the rest some write the zero that is dialled at home.
  const number = written
    .replace('(0)', '')
    .replaceAll(/[\s()./\u2010-\u2015-]/g, '')
    .replace(/^00/, '+');
  return isPhoneNumber(number) ? number : undefined;
}
