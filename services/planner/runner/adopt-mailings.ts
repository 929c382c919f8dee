// Mailings that go once become requests when they are due.
import { withDatabase } from '../../../lib/db/database.ts';
import { insertWanted, lockDueMailings, markAdopted } from './confirmed-mailings.ts';
import { type AsideParts, runBatch } from './set-aside.ts';
import { toWanted } from './to-wanted.ts';

export const maxAdopted = 50;

/** @param now of the planner, milliseconds since 1970 UTC @returns how many were looked at */
export async function adoptMailings(parts: AsideParts, now: number): Promise<number> {
  const findFirst = async () => {
    const [first] = await withDatabase(() => lockDueMailings(parts.db, new Date(now), 1));
    return first?.mailingId;
  };
  if ((await findFirst()) === undefined) return 0;
  return runBatch(parts, 'adopt', { limit: maxAdopted, run: (limit) => adopt(parts, now, limit), findFirst });
}

async function adopt({ db, logger }: AsideParts, now: number, limit: number): Promise<number> {
  return withDatabase(async () => {
    return db.transaction().execute(async (transaction) => {
      const mailings = await lockDueMailings(transaction, new Date(now), limit);
      for (const mailing of mailings) {
        const wanted = toWanted(mailing, undefined, now);
        if (!(await insertWanted(transaction, wanted))) continue;
        const { requestId, state, detail } = wanted;
        if (state === 'rejected') logger.warn({ requestId, detail }, 'a mailing is rejected');
        else
          logger.info(
            { requestId },
            state === 'paused' ? 'a mailing is late, it waits to be released' : 'a mailing is due',
          );
      }
      await markAdopted(
        transaction,
        mailings.map(({ mailingId }) => mailingId),
      );
      return mailings.length;
    });
  });
}
