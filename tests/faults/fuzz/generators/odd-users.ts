// What a user service says of somebody when it says anything at all, computed from a seed and the person.
import type { User } from '../../../../user-mock/users.ts';
import { createRandom, shareOf } from '../../harness/random.ts';

/** @returns what stands in the place of the person in the list */
export function toOddUser(seed: number, user: User): unknown[] {
  const random = createRandom(Math.floor(shareOf(seed, `odd user ${user.id}`) * 2 ** 32));
  const { id: _, ...withoutId } = user;
  const kinds: (() => unknown[])[] = [
    () => [withoutId],
    () => [{ ...user, id: null }],
    () => [{ ...user, id: 17 }],
    () => [{ ...user, id: '' }],
    () => [null],
    () => ['user'],
    () => [[]],
    () => [],
    () => [user, user],
    () => [user, { ...user, email: 'other@example.com' }],
    () => [{ ...user, email: 'no address', phone: '12' }],
    () => [{ ...user, email: 'a@example.com, b@example.com', phone: '+1\r\n2' }],
    () => [{ ...user, email: `${'a'.repeat(300_000)}@example.com` }],
    () => [{ ...user, email: null, phone: null }],
    () => [{ ...user, first_name: null }],
    () => [{ ...user, first_name: 'nul\0', last_name: '\ud800' }],
    () => [{ ...user, first_name: '\r\nBcc: x@example.com' }],
    () => [{ ...user, first_name: 'x'.repeat(400_000) }],
    () => [{ ...user, last_name: '<b>'.repeat(30_000) }],
    () => [{ ...user, last_name: 'e\u0301'.repeat(50_000) }],
    () => [{ ...user, films_month_count: 1e308, favourite_genre: 7 }],
    () => [{ ...user, promo_agree: 'yes' }],
    () => [Object.assign(JSON.parse('{"__proto__": {"id": "x"}}'), user)],
  ];
  return (kinds[random.between(0, kinds.length - 1)] as () => unknown[])();
}
