// What counts as an address. Stricter than the standards on purpose: an address is put into SMTP commands and mail
// headers, and what is refused here can inject nothing there.

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
