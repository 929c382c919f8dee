// What the dispatcher sees to once a day: the ledger's months are made ahead, and old minutes are deleted.
import { describeError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Ledger } from './ledger.ts';

const dayMs = 24 * 60 * 60 * 1000;

export function startHousekeeping(
  ledger: Pick<Ledger, 'ensureMonths' | 'deleteOldMinutes'>,
  logger: Logger,
): { stop(): void } {
  async function keepHouse(): Promise<void> {
    try {
      await ledger.ensureMonths();
    } catch (error) {
      logger.warn({ err: error }, `the months ahead could not be made: ${describeError(error)}`);
    }
    try {
      const count = await ledger.deleteOldMinutes();
      if (count > 0) logger.info({ count }, 'minutes older than 30 days are deleted');
    } catch (error) {
      logger.warn({ err: error }, `old minutes could not be deleted: ${describeError(error)}`);
    }
  }
  void keepHouse();
  const timer = setInterval(() => void keepHouse(), dayMs);
  return { stop: () => clearInterval(timer) };
}
