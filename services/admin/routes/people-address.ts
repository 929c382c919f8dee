// Whom an address belongs to: who has it now, as the user service says, and who was written to there, as the ledger says.
import { readAddress } from '../../../content/address.ts';
import { type Channel, isUserId } from '../../../domain/ids.ts';
import { DependencyError } from '../../../lib/errors.ts';
import type { UserService } from '../../../lib/user-service.ts';

/** What the user service says. */
export type LookedUp =
  | { kind: 'found'; userIds: string[] }
  /** It answers for ids only. */
  | { kind: 'unsupported' }
  | { kind: 'down'; why: string };

/** The search does not wait longer for the user service: what was sent is found without it. */
const askWithinMs = 2_000;

/** The letter case does not tell two addresses apart, here as in suppressions. */
export const isSameAddress = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

/** @param written as somebody typed it; @param address what content/address.ts read from it */
export async function lookUpAddress(
  { users }: { users: Pick<UserService, 'lookUp'> },
  channel: Channel,
  written: string,
  address: string,
): Promise<LookedUp> {
  // The service may compare letter by letter, or keep a domain as it is written and not as punycode.
  const spellings = [...new Set([address, address.toLowerCase(), written])];
  try {
    const found = await users.lookUp(channel, spellings, AbortSignal.timeout(askWithinMs));
    if (!found) return { kind: 'unsupported' };
    const theirs = found.filter((one) => {
      const given = readAddress(channel, (channel === 'email' ? one.email : one.phone) ?? '');
      return given !== undefined && isSameAddress(given, address) && isUserId(one.id);
    });
    return { kind: 'found', userIds: [...new Set(theirs.map(({ id }) => id))] };
  } catch (error) {
    if (!(error instanceof DependencyError)) throw error;
    return { kind: 'down', why: error.message };
  }
}
