// Previews, made by the code that makes the messages that are sent, in a worker thread of their own: a template with an
// endless loop, a memory bomb or a huge output costs that thread its life and the pages nothing. The thread starts when
// it is first needed and is given back when nobody looks at previews.
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Piscina } from 'piscina';
import type { TemplateCheck } from '../../content/check-template.ts';
import type { TemplateVersion } from '../../content/template.ts';
import type { TemplateFault } from '../../content/template-fault.ts';
import type { Preview, PreviewAnswer, PreviewJob, PreviewTask } from './preview-work.ts';
import type { TemplateTexts } from './queries/templates-write.ts';
import { namePartsOnly, type PartDifference } from './template/compare.ts';

export type { Preview, PreviewJob } from './preview-work.ts';

export interface Previewer {
  /** Never rejects for what is in the template, the person or the context: that is a fault. */
  preview(job: PreviewJob): Promise<Preview>;
  /** All faults that need no person to be seen, and the variables that the template reads. */
  check(template: TemplateVersion): Promise<TemplateCheck>;
  /** The parts that differ; without their lines where the comparison takes too long. */
  compare(from: TemplateTexts, to: TemplateTexts): Promise<PartDifference[]>;
  stop(): Promise<void>;
}

interface Options {
  /** Of one message; the renderer gives a person alone as much. */
  limitMs?: number;
  heapMb?: number;
  /** Previews that wait for the thread; more are told to come again. */
  maxWaiting?: number;
}

const workerFile = new URL('./preview-worker.ts', import.meta.url).href;
const idleLimitMs = 60_000;

export function createPreviewer({ limitMs = 1_000, heapMb = 64, maxWaiting = 50 }: Options = {}): Previewer {
  let pool: Piscina<PreviewTask, PreviewAnswer> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  function startPool(): Piscina<PreviewTask, PreviewAnswer> {
    const started = new Piscina<PreviewTask, PreviewAnswer>({
      filename: workerFile,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: idleLimitMs,
      recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 8, stackSizeMb: 4 },
      env: threadEnvironment(),
    });
    // A thread that dies between two tasks is replaced by the pool; the next task finds the new one.
    started.on('error', () => {});
    return started;
  }

  /** @returns the fault of a task that had to be killed */
  async function runTask(task: PreviewTask): Promise<PreviewAnswer | { killed: TemplateFault }> {
    pool ??= startPool();
    // A new thread loads its code first: that is not counted as time of the task.
    if (pool.threads.length === 0) await pool.run({ task: 'start' });
    const limit = AbortSignal.timeout(limitMs);
    try {
      return await pool.run(task, { signal: limit });
    } catch (error) {
      const cause = limit.aborted
        ? `it did not end within ${limitMs} ms and was stopped`
        : findMemoryKill(error, heapMb);
      if (cause === undefined) throw error;
      return { killed: toFault(cause) };
    }
  }

  /** One after the other, so that each has the whole of its time. */
  function run(task: PreviewTask): Promise<PreviewAnswer | { killed: TemplateFault }> {
    if (waiting >= maxWaiting) {
      return Promise.resolve({ killed: toFault('too many previews are waiting at the moment; try again shortly') });
    }
    waiting += 1;
    const answer = last.then(() => runTask(task)).finally(() => (waiting -= 1));
    last = answer.catch(() => undefined);
    return answer;
  }

  return {
    async preview(job) {
      const answer = await run({ task: 'render', job });
      if (answer && 'killed' in answer) return { kind: 'fault', ...answer.killed };
      if (!answer || Array.isArray(answer) || !('kind' in answer))
        throw new Error('the preview thread answered something else');
      return answer;
    },
    async check(template) {
      const answer = await run({ task: 'check', template });
      if (answer && 'killed' in answer) return { faults: [answer.killed], warnings: [], variables: [] };
      if (!answer || Array.isArray(answer) || 'kind' in answer)
        throw new Error('the preview thread answered something else');
      return answer;
    },
    async compare(from, to) {
      const answer = await run({ task: 'compare', from: toTexts(from), to: toTexts(to) });
      if (Array.isArray(answer)) return answer;
      return namePartsOnly(from, to);
    },
    async stop() {
      await pool?.destroy();
    },
  };
}

/** Without what a version has besides: it need not be cloned. */
function toTexts({ subject, html, text, fromName, replyTo }: TemplateTexts): TemplateTexts {
  return { subject, html, text, fromName, replyTo };
}

/** A template must have no way to the environment; the cache of stripped TypeScript lets a thread start faster. */
function threadEnvironment(): Record<string, string> {
  const cache = getCompileCacheDir();
  return cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) };
}

function findMemoryKill(error: unknown, heapMb: number): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_WORKER_OUT_OF_MEMORY' ? `it needed more than ${heapMb} MB of memory and was stopped` : undefined;
}

function toFault(detail: string): TemplateFault {
  return { part: undefined, line: undefined, column: undefined, detail };
}
