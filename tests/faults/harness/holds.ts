// Lifts what is on hold, as a person would with the command line: sees what there is, and lets it go on.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Stage } from './scenario.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const everyMs = 5_000;

/** @returns what ends it, with how many holds were lifted */
export function liftHolds({ world, log }: Stage): { stop(): Promise<number> } {
  let isOver = false;
  let liftedCount = 0;
  const posthorn = async (...args: string[]) =>
    (await run(process.execPath, [join(root, 'cli/posthorn.ts'), 'hold', ...args], { env: world.launched.env })).stdout;
  const lifting = (async () => {
    while (!isOver) {
      const ids = (await posthorn('list')).match(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g) ?? [];
      for (const id of ids) {
        await posthorn('lift', id);
        log(`lifts the hold ${id}`);
        liftedCount += 1;
      }
      await sleep(everyMs);
    }
  })().catch((error: unknown) => log(`the holds cannot be lifted: ${String(error)}`));
  return {
    async stop() {
      isOver = true;
      await lifting;
      return liftedCount;
    },
  };
}
