// People of the user-mock who can be mailed, so that as many mails must arrive as people were asked for.
import { toUser, type User } from '../user-mock/users.ts';

export type Reachable = User & { email: string };

/** @param from number of the first person looked at; the same numbers give the same people */
export function reachablePeople(count: number, from = 0): Reachable[] {
  const people: Reachable[] = [];
  for (let number = from; people.length < count; number += 1) {
    const person = toUser(number);
    if (person.email !== null) people.push({ ...person, email: person.email });
  }
  return people;
}
