// Lifts what is on hold, as a person would with the command line: sees what there is, and lets it go on.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Stage } from './scenario.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const everyMs = 5_000;
const uuid = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/;

/** @returns what ends it, with how many holds were lifted */
export function liftHolds({ world, log }: Stage): { stop(): Promise<number> } {
  let isOver = false;
  let liftedCount = 0;
  const posthorn = async (...args: string[]) =>
    (await run(process.execPath, [join(root, 'cli/posthorn.ts'), 'hold', ...args], { env: world.launched.env })).stdout;
  const lifting = (async () => {
    for (; !isOver; await sleep(everyMs)) {
      const lines = (await posthorn('list').catch(() => '')).split('\n');
      // The hold's own id stands first; what is on hold may have one as well.
      for (const id of lines.flatMap((line) => uuid.exec(line)?.[0] ?? [])) {
        const isLifted = await posthorn('lift', id).then(
          () => true,
          (error: unknown) => log(`the hold ${id} cannot be lifted: ${String(error)}`) ?? false,
        );
        if (isLifted) liftedCount += 1;
      }
    }
  })();
  return {
    async stop() {
      isOver = true;
      await lifting;
      return liftedCount;
    },
  };
}
