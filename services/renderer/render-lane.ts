// Renders the slices of one lane in worker threads of its own, so that no lane waits for another one's bad template.
// A task that kills its thread is rendered again person by person: only the guilty ones fail.
import type { LimitBreaker } from './limit-breaker.ts';
import type { RenderThread } from './render-thread.ts';
import { countChars, type SliceWeight } from './slice-weight.ts';
import type { TemplateNotes } from './template-notes.ts';
import { createTurns } from './turns.ts';
import { type Job, type Rendering, toTemplateKey } from './work.ts';

export interface RenderLane {
  /**
   * @returns one rendering for each job, in the same order
   * @throws the signal's reason when the lane stops; nothing is judged then
   */
  render(jobs: readonly Job[], signal: AbortSignal): Promise<Rendering[]>;
  stop(): Promise<void>;
}

interface Options extends Partial<TemplateNotes> {
  threads: readonly RenderThread[];
  /** Shared by all lanes of the process. */
  breaker: LimitBreaker;
  weight: SliceWeight;
  now: () => number;
  /** For a task of several people, and for one person alone. */
  taskLimitMs?: number;
  personLimitMs?: number;
}

const jobsPerTask = 50;
/** Contexts are up to 64 kB each; a task is cloned into the thread. */
const charsPerTask = 512 * 1024;
/** Of messages held for one slice; what comes after that is postponed. */
const charsPerSlice = 8 * 1024 * 1024;
/** Many bad templates in one slice: the runtime must see progress, and heartbeats between slices. */
const msPerSlice = 10_000;

/** The jobs of one slice, and what has become of them so far. */
interface Work {
  jobs: readonly Job[];
  renderings: Rendering[];
  chars: number;
  startedAt: number;
}

export function createRenderLane(options: Options): RenderLane {
  const { breaker, weight, now, taskLimitMs = 2_000, personLimitMs = 1_000 } = options;
  const threads = createTurns(options.threads);

  /**
   * Keeps its thread until everybody is judged: tasks that wait would else be killed by the template that this one is
   * just finding out about.
   * @param places where in `work` the task's people stand
   */
  function renderTask(work: Work, places: number[], signal: AbortSignal) {
    return threads.use(async (thread) => {
      const tasks = [places];
      for (let task = tasks.shift(); task; task = tasks.shift()) {
        signal.throwIfAborted();
        if (hasRoom(work)) tasks.unshift(...(await renderOnce(thread, work, task)));
        else for (const place of task) work.renderings[place] = { kind: 'postponed' };
      }
    });
  }

  /** One job alone always has: it is what the runtime tries again. */
  function hasRoom(work: Work): boolean {
    if (work.jobs.length === 1) return true;
    return work.chars < charsPerSlice && now() - work.startedAt < msPerSlice;
  }

  /** @returns those that are not judged yet, as further tasks */
  async function renderOnce(thread: RenderThread, work: Work, places: readonly number[]): Promise<number[][]> {
    // Asked only now: while this task waited for its turn, others may have shown something about its templates.
    const tried = places.filter((place) => {
      const refusal = refuse(jobAt(work, place));
      if (refusal) work.renderings[place] = refusal;
      return !refusal;
    });
    if (tried.length === 0) return [];
    const limitMs = tried.length === 1 ? personLimitMs : taskLimitMs;
    const answer = await thread.render(
      tried.map((place) => jobAt(work, place)),
      limitMs,
    );
    if (answer.kind === 'rendered') {
      for (const [index, rendering] of answer.renderings.entries()) settle(work, tried[index], rendering);
      const rest = tried.slice(answer.renderings.length);
      return rest.length === 0 ? [] : [rest];
    }
    if (tried.length > 1) return tried.map((place) => [place]);
    settle(work, tried[0], { kind: 'failed', reason: 'render_limit', detail: answer.cause, costly: true });
    return [];
  }

  function settle(work: Work, place: number | undefined, rendering: Rendering): void {
    if (place === undefined) return;
    const { template, requestId } = jobAt(work, place);
    const key = toTemplateKey(template);
    work.renderings[place] = rendering;
    work.chars += countChars(rendering);
    weight.learn(key, rendering);
    if (rendering.kind === 'message') {
      breaker.succeed(key, requestId);
      const { leftOut } = rendering.message;
      if (leftOut) options.onLeftOut?.(template, requestId, leftOut);
    } else if (rendering.kind === 'failed') {
      if (rendering.costly) breaker.fail(key, requestId, rendering.detail, now());
      if (rendering.stack !== undefined) options.onUnmeant?.(template, rendering.stack);
    }
  }

  function refuse({ template, requestId }: Job): Rendering | undefined {
    const detail = breaker.refuse(toTemplateKey(template), requestId, now());
    return detail === undefined ? undefined : { kind: 'failed', reason: 'render_limit', detail };
  }

  return {
    async render(jobs, signal) {
      const work: Work = { jobs, renderings: new Array(jobs.length), chars: 0, startedAt: now() };
      await Promise.all(toTasks(jobs).map((places) => renderTask(work, places, signal)));
      return work.renderings;
    },
    async stop() {
      await Promise.all(options.threads.map((thread) => thread.stop()));
    },
  };
}

function jobAt({ jobs }: Work, place: number): Job {
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
