// Sends a flood to a service in this process and judges what was seen: /healthz in time, and no 5xx but 503.
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Attack, FloodOrder, Seen } from './attack.ts';

const healthLimitMs = 200;
/** A machine that others use may be late once by chance; a loop that is blocked is late each time. */
const tries = 5;

/** @returns what was wrong, each with its call; empty when everything held */
export async function flood(
  { port, opsPort }: { port: number; opsPort: number },
  attacks: readonly Attack[],
): Promise<string[]> {
  const broken: string[] = [];
  let late: Seen[] = [];
  let left = attacks;
  for (let round = 0; round < tries && left.length > 0; round++) {
    if (round > 0) await waitForCalm();
    const seen = await send({ port, opsPort, attacks: left });
    broken.push(...seen.filter(isBroken).map(toWords));
    late = seen.filter(isLate);
    const titles = new Set(late.map(({ title }) => title));
    left = left.filter(({ title }) => titles.has(title));
  }
  return [...broken, ...late.map(toWords)];
}

/** Until a timer of this thread is in time for a second, or for 10 s at most. */
async function waitForCalm(): Promise<void> {
  const endMs = performance.now() + 10_000;
  for (let calm = 0; calm < 50 && performance.now() < endMs; ) {
    const beganMs = performance.now();
    await delay(20);
    calm = performance.now() - beganMs < 40 ? calm + 1 : 0;
  }
}

const isLate = ({ healthMs }: Seen) => healthMs > healthLimitMs;
const isBroken = ({ status }: Seen) => status !== undefined && status >= 500 && status !== 503;

function toWords({ title, status, healthMs, ms }: Seen): string {
  return `${title}: answered ${status} after ${Math.round(ms)} ms; /healthz took up to ${Math.round(healthMs)} ms`;
}

/** FLOOD_LOG names a file for all that was seen: `sort -rn` shows what is dearest. */
function send(order: FloodOrder): Promise<Seen[]> {
  const seen: Seen[] = [];
  const { FLOOD_LOG: log } = process.env;
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./sender.ts', import.meta.url), { workerData: order });
    worker
      .on('message', (one: Seen) => {
        seen.push(one);
        if (log) appendFileSync(log, `${Math.round(one.healthMs)} ${Math.round(one.ms)} ${one.status} ${one.title}\n`);
      })
      .on('error', reject)
      .on('exit', () => resolve(seen));
  });
}
