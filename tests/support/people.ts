// People of the user-mock, chosen by what a test needs of them. They are computed, so the test knows them beforehand.
import { toUser, type User } from '../../user-mock/users.ts';

/** A person with an address. */
export type Reachable = User & { email: string; phone: string };

/** @param from the number to begin with, so that tests take different people */
export function findPeople(fits: (user: User) => boolean, count: number, from = 0): User[] {
  const found: User[] = [];
  for (let number = from; found.length < count; number++) {
    const user = toUser(number);
    if (fits(user)) found.push(user);
  }
  return found;
}

export function findPerson(fits: (user: User) => boolean, from = 0): User {
  const [person] = findPeople(fits, 1, from);
  if (!person) throw new Error('there is nobody like this');
  return person;
}

/** People who get every message: with an e-mail address, a phone and consent. */
export function findReachable(count: number, from = 0): Reachable[] {
  return findPeople((user) => isReachable(user), count, from).filter(isReachable);
}

function isReachable(user: User): user is Reachable {
  return user.email !== null && user.phone !== null && user.promo_agree;
}
