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

const askedAtOnce = 1_000;

export function createKnownPeople(users: Pick<UserService, 'fetchUsers'>): KnownPeople {
  const unknown: RowFault[] = [];
  let unknownCount = 0;
  return {
    async take({ ids, lines }) {
      const known: string[] = [];
      for (let from = 0; from < ids.length; from += askedAtOnce) {
        const asked = ids.slice(from, from + askedAtOnce);
        const found = await users.fetchUsers([...new Set(asked)]);
        for (const [index, id] of asked.entries()) {
          if (found.has(id)) {
            known.push(id);
            continue;
          }
          unknownCount += 1;
          if (unknown.length < maxShownFaults)
            unknown.push({ line: lines[from + index] ?? 0, text: id, why: explain(id) });
        }
      }
      return known;
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
