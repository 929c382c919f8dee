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

  /**
   * Keeps its thread until everybody is judged: tasks that wait would else be killed by the template that this one is
   * just finding out about.
   * @param places where in `jobs` and `renderings` the task's people stand
   */
  function renderTask(jobs: readonly Job[], places: number[], renderings: Rendering[], signal: AbortSignal) {
    return threads.use(async (thread) => {
      const tasks = [places];
      for (let task = tasks.shift(); task; task = tasks.shift()) {
        signal.throwIfAborted();
        tasks.unshift(...(await renderOnce(thread, jobs, task, renderings)));
      }
    });
  }

  /** @returns those that are not judged yet, as further tasks */
  async function renderOnce(
    thread: RenderThread,
    jobs: readonly Job[],
    places: readonly number[],
    renderings: Rendering[],
  ): Promise<number[][]> {
    const judge = (place: number | undefined, rendering: Rendering): void => {
      if (place === undefined) return;
      renderings[place] = rendering;
      learn(jobAt(jobs, place), rendering);
    };
    // Asked only now: while this task waited for its turn, others may have shown something about its templates.
    const tried = places.filter((place) => {
      const refusal = refuse(jobAt(jobs, place));
      if (refusal) renderings[place] = refusal;
      return !refusal;
    });
    if (tried.length === 0) return [];
    const limitMs = tried.length === 1 ? personLimitMs : taskLimitMs;
    const answer = await thread.render(
      tried.map((place) => jobAt(jobs, place)),
      limitMs,
    );
    if (answer.kind === 'rendered') {
      for (const [index, rendering] of answer.renderings.entries()) judge(tried[index], rendering);
      const rest = tried.slice(answer.renderings.length);
      return rest.length === 0 ? [] : [rest];
    }
    if (tried.length > 1) return tried.map((place) => [place]);
    judge(tried[0], { kind: 'failed', reason: 'render_limit', detail: answer.cause });
    return [];
  }

  function refuse({ template, requestId }: Job): Rendering | undefined {
    const detail = breaker.refuse(toTemplateKey(template), requestId, now());
    return detail === undefined ? undefined : { kind: 'failed', reason: 'render_limit', detail };
  }

  function learn({ template, requestId }: Job, rendering: Rendering): void {
    const key = toTemplateKey(template);
    if (rendering.kind === 'message') breaker.succeed(key);
    else if (rendering.reason === 'render_limit') breaker.fail(key, requestId, rendering.detail, now());
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
