import { scryptSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { findPasswordFault, hashPassword, isOutdated, newPassword, verifyPassword } from './passwords.ts';

test('a password is recognised by its hash, any other is not, and the same password never hashes the same twice', async () => {
  const [first, second] = await Promise.all([hashPassword('Корабль под парусом'), hashPassword('Корабль под парусом')]);
  expect(first).not.toBe(second);
  expect(first).not.toContain('Корабль');
  expect(await verifyPassword('Корабль под парусом', first)).toBe(true);
  expect(await verifyPassword('Корабль под парусом', second)).toBe(true);
  for (const wrong of ['корабль под парусом', 'Корабль под парусом ', '', 'Корабль']) {
    expect(await verifyPassword(wrong, first), wrong).toBe(false);
  }
});

test('the notation says its own measure: 2^15, 8, 3, a salt of 16 bytes, and what scrypt makes of them', async () => {
  const hash = await hashPassword('correct horse');
  const [, salt = '', key = ''] = /^scrypt\$15\$8\$3\$([\w-]{22})\$([\w-]{43})$/.exec(hash) ?? [];
  const expected = scryptSync('correct horse', Buffer.from(salt, 'base64url'), 32, {
    N: 2 ** 15,
    r: 8,
    p: 3,
    maxmem: 2 ** 27,
  });
  expect(key).toBe(expected.toString('base64url'));
});

test('an older, cheaper hash is still checked', async () => {
  const salt = Buffer.alloc(16, 7);
  const key = scryptSync('from long ago', salt, 32, { N: 2 ** 12, r: 8, p: 1 });
  const hash = `scrypt$12$8$1$${salt.toString('base64url')}$${key.toString('base64url')}`;
  expect(await verifyPassword('from long ago', hash)).toBe(true);
  expect(await verifyPassword('from long ago!', hash)).toBe(false);
});

test('an unknown notation lets nobody in, and one that asks for gigabytes is not even tried', async () => {
  const hash = await hashPassword('correct horse');
  const refused = [
    '',
    'correct horse',
    '!',
    hash.replace('scrypt', 'argon2'),
    hash.replace('$15$', '$18$'),
    hash.replace('$15$', '$99$'),
    hash.replace('$15$', '$00$'),
    hash.replace('$8$', '$17$'),
    hash.replace('$3$', '$5$'),
    hash.replace('$3$', '$0$'),
    hash.slice(0, hash.lastIndexOf('$') + 1),
    `${hash}$`,
  ];
  // Each takes the work of nobody's password.
  const verified = await Promise.all(refused.map((notation) => verifyPassword('correct horse', notation)));
  expect(refused.filter((_, at) => verified[at])).toEqual([]);
});

test('a hash of a cheaper measure is outdated, whatever makes it cheaper; one of this or a dearer measure is not', async () => {
  const hash = await hashPassword('correct horse');
  const measures = ['15$8$1', '15$8$2', '14$8$3', '15$4$3', '10$8$4', '15$8$3', '16$8$3', '17$8$1', '15$8$4'];
  const outdated = measures.filter((measure) => isOutdated(hash.replace('15$8$3', measure)));
  expect(outdated).toEqual(['15$8$1', '15$8$2', '14$8$3', '15$4$3', '10$8$4']);
  for (const unreadable of ['', '!', hash.replace('scrypt', 'argon2')]) expect(isOutdated(unreadable)).toBe(false);
});

test('an accented letter counts the same however the keyboard composed it', async () => {
  const hash = await hashPassword('caf\u00e9 at noon');
  expect(await verifyPassword('cafe\u0301 at noon', hash)).toBe(true);
});

test('a new password can be read out, is never the same twice, and will do as a chosen one', () => {
  const passwords = new Set(Array.from({ length: 1_000 }, newPassword));
  expect(passwords.size).toBe(1_000);
  for (const password of passwords) {
    expect(password).toMatch(/^[a-hjkmnp-z2-9]{4}(-[a-hjkmnp-z2-9]{4}){4}$/);
    expect(findPasswordFault(password)).toBeUndefined();
  }
});

test('a chosen password has 10 to 200 characters, counted as people count them', () => {
  expect(findPasswordFault('123456789')).toBe('A password needs 10 characters or more; this one has 9.');
  expect(findPasswordFault('пароль-123')).toBeUndefined();
  expect(findPasswordFault('🦉'.repeat(9))).toContain('this one has 9');
  expect(findPasswordFault('🦉'.repeat(200))).toBeUndefined();
  expect(findPasswordFault('a'.repeat(201))).toBe('A password may have 200 characters at most; this one has 201.');
});

test('a password that is too long to be anybody’s is never hashed, whatever it is made of', async () => {
  const hash = await hashPassword('correct horse');
  const long = 'a\u0301'.repeat(500_000);
  // Passwords are hashed in threads of their own, so the time of the whole process counts.
  const processMs = async (password: string) => {
    const before = process.cpuUsage();
    expect(await verifyPassword(password, hash)).toBe(false);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
  const least = async (password: string) =>
    Math.min(await processMs(password), await processMs(password), await processMs(password));
  expect(await least(long)).toBeLessThan((await least('wrong horse')) / 2);
  expect(findPasswordFault(long)).toBe('A password may have 200 characters at most.');
});
