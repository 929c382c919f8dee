// One worker thread that renders, and its hard limits: a task that takes too long or too much memory costs the thread
// its life, and a new one takes its place.
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Piscina } from 'piscina';
import type { TemplateVersion } from '../../content/template.ts';
import { type Job, type Rendering, type Task, type TaskAnswer, toTemplateKey } from './work.ts';

export type ThreadAnswer =
  /** As many as were done in time, in the order of the jobs; at least one. */
  { kind: 'rendered'; renderings: Rendering[] } | { kind: 'killed'; cause: string };

export interface RenderThread {
  /** One call at a time. */
  render(jobs: readonly Job[], limitMs: number): Promise<ThreadAnswer>;
  stop(): Promise<void>;
}

const ownWorkerFile = new URL('./render-worker.ts', import.meta.url);
const tickMs = 50;
/** A thread takes 25 MB or more; a lane that has had nothing to do for so long gives it back. */
const idleLimitMs = 60_000;

interface Options {
  /** Start at once and stay: for a lane that must not wait for a thread to start. */
  keepAlive: boolean;
  /** What the thread may hold on to; about 10 MB of it are its own code. */
  heapMb?: number;
  /** Of another release, in tests. */
  workerFile?: URL;
}

export function createRenderThread(options: Options): RenderThread {
  const { keepAlive, heapMb = 64, workerFile = ownWorkerFile } = options;
  const pool = new Piscina<Task, TaskAnswer>({
    filename: workerFile.href,
    minThreads: keepAlive ? 1 : 0,
    maxThreads: 1,
    idleTimeout: idleLimitMs,
    // A thread that has nothing to do sleeps in Atomics.wait; it does not spin.
    atomics: 'sync',
    recordTiming: false,
    resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 8, stackSizeMb: 4 },
    env: threadEnvironment(),
  });
  // A thread that dies between two tasks is replaced by the pool; the next task finds the new one.
  pool.on('error', () => {});

  /** A new thread loads its code first: that is not counted as time of a task. */
  let started: Promise<unknown> | undefined;
  const start = (): Promise<unknown> => {
    if (pool.threads.length === 0) started = undefined;
    started ??= pool.run({ templates: [], items: [] });
    return started;
  };

  async function run(task: Task, limitMs: number): Promise<TaskAnswer | { kind: 'killed'; cause: string }> {
    await start();
    const limit = startTimeLimit(limitMs);
    try {
      return await pool.run(task, { signal: limit.signal });
    } catch (error) {
      const cause = findKill(error, limit.signal, limitMs, heapMb);
      if (cause === undefined) throw error;
      started = undefined;
      return { kind: 'killed', cause };
    } finally {
      limit.stop();
    }
  }

  return {
    async render(jobs, limitMs) {
      const items = jobs.map(({ template, person, unsubscribeUrl }) => ({
        templateKey: toTemplateKey(template),
        person,
        unsubscribeUrl,
      }));
      let answer = await run({ templates: [], items }, limitMs);
      if (answer.kind === 'missing') {
        const missing = new Set(answer.templateKeys);
        answer = await run({ templates: pickTemplates(jobs, missing), items }, limitMs);
      }
      if (answer.kind === 'missing') throw new Error(`a render thread lost ${answer.templateKeys.join(', ')}`);
      return answer;
    },
    stop: () => pool.destroy(),
  };
}

/**
 * A worker needs nothing of the environment, and a template must have no way to it. Only the cache of stripped
 * TypeScript is handed on, where the process has one: a thread then starts five times as fast and takes 14 MB less.
 */
function threadEnvironment(): Record<string, string> {
  const cache = getCompileCacheDir();
  return cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) };
}

function pickTemplates(jobs: readonly Job[], keys: ReadonlySet<string>): TemplateVersion[] {
  const picked = new Map(jobs.map(({ template }) => [toTemplateKey(template), template]));
  return [...picked].filter(([key]) => keys.has(key)).map(([, template]) => template);
}

/** @returns why the thread had to die; undefined for errors that are bugs of ours */
function findKill(error: unknown, signal: AbortSignal, limitMs: number, heapMb: number): string | undefined {
  if (signal.aborted) return `it did not end within ${limitMs} ms and was stopped`;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return `it needed more than ${heapMb} MB of memory and was stopped`;
  return undefined;
}

/**
 * Time as this process has lived through it, in ticks: after it was frozen (a suspended machine, SIGSTOP) one tick has
 * passed and not an hour, so that nobody's message fails for it.
 */
function startTimeLimit(limitMs: number): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController();
  let ticksLeft = Math.ceil(limitMs / tickMs);
  const timer = setInterval(() => {
    ticksLeft -= 1;
    if (ticksLeft > 0) return;
    clearInterval(timer);
    controller.abort();
  }, tickMs);
  return { signal: controller.signal, stop: () => clearInterval(timer) };
}
