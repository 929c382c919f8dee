// Mailings that go once become requests when they are due.
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { Logger } from '../../../lib/logger.ts';
import { insertWanted, lockDueMailings, markAdopted } from './confirmed-mailings.ts';
import { toWanted } from './to-wanted.ts';

export const maxAdopted = 50;

/** @param now of the planner, milliseconds since 1970 UTC @returns how many were looked at */
export async function adoptMailings(db: Db, now: number, logger: Logger): Promise<number> {
  return withDatabase(async () => {
    if ((await lockDueMailings(db, new Date(now), 1)).length === 0) return 0;
    return db.transaction().execute(async (transaction) => {
      const mailings = await lockDueMailings(transaction, new Date(now), maxAdopted);
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
