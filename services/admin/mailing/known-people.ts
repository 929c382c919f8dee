// Asks the user service for the people of a file, a batch at a time; who is unknown is listed with the line.
import { isRoundedNumber } from '../../../domain/audience-file/id-cell.ts';
import type { UserService } from '../../../lib/user-service.ts';
import { maxShownFaults, type RowFault } from './audience-rows.ts';
import type { AudienceBatch } from './read-audience.ts';

export interface KnownPeople {
  /**
   * @returns those of the batch whom the user service knows
   * @throws DependencyError('user-service')
   */
  take(batch: AudienceBatch): Promise<string[]>;
  /** The first of them. */
  readonly unknown: readonly RowFault[];
  readonly unknownCount: number;
}

const maxAsked = 1_000;
/** A sender has five minutes for a million people. */
const parallel = 4;

export function createKnownPeople(users: Pick<UserService, 'fetchUsers'>): KnownPeople {
  const unknown: RowFault[] = [];
  let unknownCount = 0;

  async function findKnown(ids: readonly string[]): Promise<Set<string>> {
    const different = [...new Set(ids)];
    const known = new Set<string>();
    const ask = async (from: number) => {
      for (let at = from; at < different.length; at += maxAsked * parallel)
        for (const id of (await users.fetchUsers(different.slice(at, at + maxAsked))).keys()) known.add(id);
    };
    await Promise.all(Array.from({ length: parallel }, (_, worker) => ask(worker * maxAsked)));
    return known;
  }

  return {
    async take({ ids, lines }) {
      const known = await findKnown(ids);
      return ids.filter((id, index) => {
        if (known.has(id)) return true;
        unknownCount += 1;
        if (unknown.length < maxShownFaults) unknown.push({ line: lines[index] ?? 0, text: id, why: explain(id) });
        return false;
      });
    },
    unknown,
    get unknownCount() {
      return unknownCount;
    },
  };
}

function explain(id: string): string {
  const rounded = isRoundedNumber(id) ? '; a spreadsheet may have rounded it: format the column as text' : '';
  return `the user service does not know this id${rounded}`;
}
