// How passwords of people with access are kept and checked: scrypt (RFC 7914), so that a copy of the database is not a
// list of passwords. Written by `posthorn users`, `posthorn setup` and the admin pages; checked at log-in.
import { randomBytes, randomInt, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

interface Cost {
  log2N: number;
  r: number;
  p: number;
}

// OWASP's measure for scrypt: 32 MiB and about 0.3 s of one core. What an older release wrote stays readable, because
// each hash says its own measure.
const cost: Cost = { log2N: 15, r: 8, p: 3 };
const saltBytes = 16;
const hashBytes = 32;
/** What a hash may ask for at most: a forged row must not cost a gigabyte at each log-in. */
const most = { log2N: 17, r: 16, p: 4 };

const minChars = 10;
const maxChars = 200;
/**
 * Of what is typed at a log-in, in UTF-16 code units. A keyboard may write a letter of a password as several (NFD), but
 * what is longer than this is nobody's password, and to normalise it grows with the square of its length.
 */
const maxTypedUnits = 2_000;

/** @returns `scrypt$<log2 N>$<r>$<p>$<salt, base64url>$<hash, base64url>` */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, salt, cost, hashBytes);
  return ['scrypt', cost.log2N, cost.r, cost.p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/**
 * Takes as long for a wrong password as for the right one, for nobody's (undefined) as for somebody's, and for a hash of an
 * older and cheaper measure as for a new one; but for a password that is too long to be anybody's.
 * False for a notation that this release does not know.
 */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  if (password.length > maxTypedUnits) return false;
  const read = hash === undefined ? undefined : readHash(hash);
  if (!read) {
    await derive(password, nobodysSalt, cost, hashBytes);
    return false;
  }
  const isRight = timingSafeEqual(await derive(password, read.salt, read.cost, read.key.length), read.key);
  const missing = cost.p * (1 - workOf(read.cost) / workOf(cost));
  if (missing > 0) await derive(password, read.salt, { ...cost, p: Math.max(1, Math.round(missing)) }, hashBytes);
  return isRight;
}

/** Whether a hash is of a cheaper measure than this release's: then it is made anew when the password is at hand. */
export function isOutdated(hash: string): boolean {
  const read = readHash(hash);
  return read !== undefined && workOf(read.cost) < workOf(cost);
}

const nobodysSalt = Buffer.alloc(saltBytes);
const workOf = ({ log2N, r, p }: Cost): number => 2 ** log2N * r * p;

function readHash(hash: string): { cost: Cost; salt: Buffer; key: Buffer } | undefined {
  const match = notation.exec(hash);
  if (!match) return undefined;
  const [log2N, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (log2N < 1 || log2N > most.log2N || r < 1 || r > most.r || p < 1 || p > most.p) return undefined;
  const [salt, key] = [Buffer.from(match[4] ?? '', 'base64url'), Buffer.from(match[5] ?? '', 'base64url')];
  return { cost: { log2N, r, p }, salt, key };
}

const notation = /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9_-]{16,128})\$([A-Za-z0-9_-]{32,128})$/;

// Without what is taken for something else on paper or on the telephone: i l o 0 1.
const letters = 'abcdefghjkmnpqrstuvwxyz23456789';

/** Five groups of four letters and digits (99 random bits), such as `k7qm-x2vd-…`, to be read out or typed off. */
export function newPassword(): string {
  const group = () => Array.from({ length: 4 }, () => letters[randomInt(letters.length)]).join('');
  return Array.from({ length: 5 }, group).join('-');
}

/** @returns what is wrong with a password that somebody chose, for that person to read; undefined when it will do */
export function findPasswordFault(password: string): string | undefined {
  if (password.length > maxTypedUnits) return `A password may have ${maxChars} characters at most.`;
  const charCount = [...password].length;
  if (charCount < minChars) return `A password needs ${minChars} characters or more; this one has ${charCount}.`;
  if (charCount > maxChars) return `A password may have ${maxChars} characters at most; this one has ${charCount}.`;
  return undefined;
}

/** NFC first (RFC 8265, 4.2): keyboards differ in how they write the same accented letter. */
function derive(password: string, salt: Buffer, { log2N, r, p }: Cost, length: number): Promise<Buffer> {
  const N = 2 ** log2N;
  const options: ScryptOptions = { N, r, p, maxmem: 2 * 128 * N * r + 1024 * 1024 };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, length, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
