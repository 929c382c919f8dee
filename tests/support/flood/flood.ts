// Sends a flood to a service in this process and judges what was seen: /healthz in time, and no 5xx but 503.
import { appendFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { heldUpAtMostMs } from '../processor-time.ts';
import type { Attack, FloodOrder, Seen } from './attack.ts';
import { type LoopWatch, watchLoop } from './loop-watch.ts';

/** A collection of garbage comes once by chance; a loop that a call holds up is late each time. */
const tries = 3;

interface Judged extends Seen {
  /** The longest work at a stretch of the service's thread while the call ran. */
  heldUpMs: number;
}

/**
 * What `npm test` tries of many attacks on many routes: each attack on a third of the routes, each route with a third of the
 * attacks. FLOOD_ALL tries all.
 */
export function takeSome<T>(items: readonly T[], route: number): T[] {
  return process.env.FLOOD_ALL ? [...items] : items.filter((_, at) => at % 3 === route % 3);
}

/** @returns what was wrong, each with its call; empty when everything held */
export async function flood(
  { port, opsPort }: { port: number; opsPort: number },
  attacks: readonly Attack[],
): Promise<string[]> {
  const broken: string[] = [];
  let late: Judged[] = [];
  let left = attacks;
  const loop = watchLoop();
  try {
    for (let round = 0; round < tries && left.length > 0; round++) {
      const seen = await send({ port, opsPort, attacks: left }, loop);
      broken.push(...seen.filter(isBroken).map(toWords));
      late = seen.filter(isLate);
      const titles = new Set(late.map(({ title }) => title));
      left = left.filter(({ title }) => titles.has(title));
    }
  } finally {
    loop.stop();
  }
  return [...broken, ...late.map(toWords)];
}

/** Where /healthz is late and the service's thread was not at work so long, the processor was busy with something else. */
const isLate = ({ healthMs, heldUpMs }: Judged) => Math.min(healthMs, heldUpMs) > heldUpAtMostMs;
const isBroken = ({ status }: Judged) => status !== undefined && status >= 500 && status !== 503;

function toWords({ title, status, healthMs, heldUpMs, ms }: Judged): string {
  const held = `/healthz took up to ${Math.round(healthMs)} ms, of ${Math.round(heldUpMs)} ms of work at a stretch`;
  return `${title}: answered ${status} after ${Math.round(ms)} ms; ${held}`;
}

/** FLOOD_LOG names a file for all that was seen: `sort -rn` shows what is dearest. */
function send(order: FloodOrder, loop: LoopWatch): Promise<Judged[]> {
  const seen: Judged[] = [];
  const { FLOOD_LOG: log } = process.env;
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./sender.ts', import.meta.url), { workerData: order });
    worker
      .on('message', (one: Seen) => {
        seen.push({ ...one, heldUpMs: loop.longestMs(one.atMs, one.atMs + one.ms) });
        if (log) appendFileSync(log, `${Math.round(one.healthMs)} ${Math.round(one.ms)} ${one.status} ${one.title}\n`);
      })
      .on('error', reject)
      .on('exit', () => resolve(seen));
  });
}
