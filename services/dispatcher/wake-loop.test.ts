import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { DependencyError } from '../../lib/errors.ts';
import { wakeCount } from './ledger/holds.ts';
import { startWakeLoop } from './wake-loop.ts';

/** @param answers of the ledger, one a look; then there is nothing to wake */
function start(answers: (number | Error)[]) {
  const asked: (string | undefined)[] = [];
  const errors: string[] = [];
  let wokenCount = 0;
  const logger = pino({ level: 'error' }, { write: (line: string) => void errors.push(JSON.parse(line).msg) });
  const startedAtMs = performance.now();
  const loop = startWakeLoop({
    everyMs: 20,
    ledger: {
      async wake(since) {
        asked.push(since);
        const answer = answers.shift() ?? 0;
        if (answer instanceof Error) throw answer;
        return { count: answer, at: `look ${asked.length}` };
      },
    },
    logger,
    onWoken: () => {
      wokenCount += 1;
    },
  });
  onTestFinished(() => loop.stop());
  /** Resolves after so many looks, with how long they took at least. */
  const looks = async (count: number): Promise<number> => {
    await expect.poll(() => asked.length, { interval: 2 }).toBeGreaterThanOrEqual(count);
    return performance.now() - startedAtMs;
  };
  return { loop, looks, asked, errors, wokenCount: () => wokenCount };
}

it('looks at everything first, then again and again at what is new, and wakes nobody for nothing', async () => {
  const { loop, looks, asked, wokenCount } = start([0, 3]);
  expect(await looks(4)).toBeGreaterThanOrEqual(55);
  await loop.stop();
  expect(asked.slice(0, 4)).toEqual([undefined, 'look 1', 'look 2', 'look 3']);
  expect(wokenCount()).toBe(1);
});

it('does not move on while there may be more than one statement wakes', async () => {
  const { looks, asked, wokenCount } = start([wakeCount, wakeCount, 1]);
  await looks(4);
  expect(asked.slice(0, 4)).toEqual([undefined, undefined, undefined, 'look 3']);
  expect(wokenCount()).toBe(3);
});

it('waits in silence while Postgres is down, and says what else goes wrong; then takes up where it was', async () => {
  const { looks, asked, errors } = start([0, new DependencyError('postgres', 'gone'), new Error('a bug')]);
  // Each failure makes it wait five times as long.
  expect(await looks(4)).toBeGreaterThanOrEqual(210);
  expect(asked.slice(0, 4)).toEqual([undefined, 'look 1', 'look 1', 'look 1']);
  expect(errors).toEqual(['what was paused or cancelled cannot be looked at: a bug']);
});
