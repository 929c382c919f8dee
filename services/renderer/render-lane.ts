// Renders the slices of one lane in worker threads of its own, so that no lane waits for another one's bad template.
// A task that kills its thread is rendered again person by person: only the guilty ones fail.
import type { LimitBreaker } from './limit-breaker.ts';
import type { RenderThread } from './render-thread.ts';
import { type Job, type Rendering, toTemplateKey } from './work.ts';

export interface RenderLane {
  /**
   * @returns one rendering for each job, in the same order
   * @throws the signal's reason when the lane stops; nothing is judged then
   */
  render(jobs: readonly Job[], signal: AbortSignal): Promise<Rendering[]>;
  stop(): Promise<void>;
}

interface Options {
  threads: readonly RenderThread[];
  /** Shared by all lanes of the process. */
  breaker: LimitBreaker;
  now: () => number;
  /** For a task of several people, and for one person alone. */
  taskLimitMs?: number;
  personLimitMs?: number;
}

const jobsPerTask = 50;
/** Contexts are up to 64 kB each; a task is cloned into the thread. */
const charsPerTask = 512 * 1024;

export function createRenderLane(options: Options): RenderLane {
  const { breaker, now, taskLimitMs = 2_000, personLimitMs = 1_000 } = options;
  const threads = createTurns(options.threads);

  /** @param places where in `renderings` the jobs' results belong */
  async function renderTask(jobs: readonly Job[], places: number[], renderings: Rendering[], signal: AbortSignal) {
    let waiting = places;
    while (waiting.length > 0) {
      signal.throwIfAborted();
      waiting = waiting.filter((place) => {
        const refusal = refuse(jobAt(jobs, place));
        if (refusal) renderings[place] = refusal;
        return !refusal;
      });
      if (waiting.length === 0) return;
      const task = waiting.map((place) => jobAt(jobs, place));
      const limitMs = task.length === 1 ? personLimitMs : taskLimitMs;
      const answer = await threads.use((thread) => thread.render(task, limitMs));
      if (answer.kind === 'rendered') {
        answer.renderings.forEach((rendering, index) => {
          const place = waiting[index] ?? -1;
          renderings[place] = rendering;
          learn(jobAt(jobs, place), rendering);
        });
        waiting = waiting.slice(answer.renderings.length);
      } else if (task.length === 1) {
        const rendering: Rendering = { kind: 'failed', reason: 'render_limit', detail: answer.cause };
        renderings[waiting[0] ?? -1] = rendering;
        learn(jobAt(jobs, waiting[0] ?? -1), rendering);
        return;
      } else {
        for (const place of waiting) await renderTask(jobs, [place], renderings, signal);
        return;
      }
    }
  }

  function refuse({ template, requestId }: Job): Rendering | undefined {
    const detail = breaker.refuse(toTemplateKey(template), requestId, now());
    return detail === undefined ? undefined : { kind: 'failed', reason: 'render_limit', detail };
  }

  function learn({ template, requestId }: Job, rendering: Rendering): void {
    if (rendering.kind === 'message') breaker.succeed(toTemplateKey(template));
    else if (rendering.reason === 'render_limit')
      breaker.fail(toTemplateKey(template), requestId, rendering.detail, now());
  }

  return {
    async render(jobs, signal) {
      const renderings: Rendering[] = new Array(jobs.length);
      await Promise.all(toTasks(jobs).map((places) => renderTask(jobs, places, renderings, signal)));
      return renderings;
    },
    async stop() {
      await Promise.all(options.threads.map((thread) => thread.stop()));
    },
  };
}

function jobAt(jobs: readonly Job[], place: number): Job {
  const job = jobs[place];
  if (!job) throw new Error(`no job at ${place} of ${jobs.length}`);
  return job;
}

function toTasks(jobs: readonly Job[]): number[][] {
  const tasks: number[][] = [];
  let chars = charsPerTask;
  jobs.forEach(({ person }, place) => {
    const current = tasks.at(-1);
    chars += person.context.length + person.collected.length;
    if (current && current.length < jobsPerTask && chars <= charsPerTask) {
      current.push(place);
    } else {
      tasks.push([place]);
      chars = person.context.length + person.collected.length;
    }
  });
  return tasks;
}

/** Lends each thing to one borrower at a time, first come first served. */
function createTurns<T>(things: readonly T[]): { use<R>(work: (thing: T) => Promise<R>): Promise<R> } {
  const free = [...things];
  const queue: ((thing: T) => void)[] = [];
  return {
    async use(work) {
      const thing = free.pop() ?? (await new Promise<T>((resolve) => queue.push(resolve)));
      try {
        return await work(thing);
      } finally {
        const next = queue.shift();
        if (next) next(thing);
        else free.push(thing);
      }
    },
  };
}
