// Asks the user service for people so that one of them never stops the others. When a call fails, somebody else is asked
// for: where that fails as well, the service is down, and nobody is judged. Else the call is cut into smaller ones, until
// the few are alone for whom it always fails; they end with what was answered.
import { setTimeout as pause } from 'node:timers/promises';
import { DependencyError, describeError } from './errors.ts';
import type { Answers, UnusableUser, User } from './user-answers.ts';

export interface AskOptions {
  /** One call. @throws DependencyError('user-service') @param isShort with little time: its answer was overdue once */
  call(ids: readonly string[], isShort: boolean, signal: AbortSignal | undefined): Promise<Answers>;
  /** Somebody who is no suspect; undefined when nobody can be found. @throws DependencyError('user-service') */
  findAnother(suspects: ReadonlySet<string>, signal: AbortSignal | undefined): Promise<string | undefined>;
}

type People = Map<string, User | UnusableUser>;
type Ask = (ids: readonly string[], signal?: AbortSignal) => Promise<People>;

const groups = 20;
const parallel = 8;
/** For more people than this at once it is not their data that it fails for. */
const maxSuspects = 3;
/** Of one person alone, before it counts as that person's fault: where every third call fails, never by chance. */
const triesAlone = 12;
/** Fewer, where each takes its time: others wait behind this one. */
const leastTriesAlone = 4;
const aloneForMs = 3_000;
const pauseMs = 100;
/** For so long a person for whom it failed is asked for alone, and once: others are not kept waiting again. */
const poisonedForMs = 60_000;
const maxPoisoned = 1_000;
const whereFails = 'POST /users/batch: it fails whenever this person is asked for';
const whereSilent = '/users: the person is named neither there nor in /missing';

/** @throws DependencyError('user-service') when it is down for everybody */
export function createAsk({ call, findAnother }: AskOptions): Ask {
  /** Who is at fault, and until when that is remembered; in the order of failing. */
  const poisoned = new Map<string, number>();

  return async (ids, signal) => {
    const suspects = poisoned.size === 0 ? [] : ids.filter((id) => (poisoned.get(id) ?? 0) > performance.now());
    if (suspects.length === 0) return askTogether(ids, signal);
    const others = ids.filter((id) => !suspects.includes(id));
    const users = others.length === 0 ? new Map() : await askTogether(others, signal);
    await inParallel(suspects, async (id) => {
      for (const [found, user] of await askSuspect(id, signal)) users.set(found, user);
    });
    return users;
  };

  async function askSuspect(id: string, signal: AbortSignal | undefined): Promise<People> {
    try {
      const answers = await call([id], true, signal);
      poisoned.delete(id);
      if (answers.unanswered.length > 0) await askForSilent(answers, signal);
      return answers.users;
    } catch (error) {
      if (!(error instanceof DependencyError) || signal?.aborted) throw error;
      await checkUp([id], error, signal);
      return new Map([[id, blame(id, error)]]);
    }
  }

  function blame(id: string, cause: DependencyError): UnusableUser {
    poisoned.delete(id);
    poisoned.set(id, performance.now() + poisonedForMs);
    const [oldest] = poisoned.keys();
    if (poisoned.size > maxPoisoned && oldest !== undefined) poisoned.delete(oldest);
    return { fault: `${whereFails}: ${describeError(cause.cause)}` };
  }

  async function askTogether(ids: readonly string[], signal: AbortSignal | undefined): Promise<People> {
    let answers: Answers;
    try {
      answers = await call(ids, false, signal);
    } catch (error) {
      if (!(error instanceof DependencyError) || signal?.aborted) throw error;
      return findPoison(ids, error, signal);
    }
    if (answers.unanswered.length > 0) await askForSilent(answers, signal);
    return answers.users;
  }

  /** In a sound answer: somebody else's broken element may have had this one's name. Each is asked for alone, once. */
  async function askForSilent(
    { users, unanswered, answeredCount }: Answers,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (answeredCount === 0) await checkUp(unanswered, undefined, signal);
    const stillSilent: string[] = [];
    await inParallel(unanswered, async (id) => {
      const alone = await callAlone(id, signal);
      if ('fault' in alone) return void users.set(id, alone);
      for (const [found, user] of alone.users) users.set(found, user);
      if (alone.unanswered.length > 0) stillSilent.push(id);
    });
    for (const id of stillSilent) users.set(id, { fault: whereSilent });
  }

  async function callAlone(id: string, signal: AbortSignal | undefined): Promise<Answers | UnusableUser> {
    for (let tried = 1; ; tried++) {
      try {
        return await call([id], true, signal);
      } catch (error) {
        if (!(error instanceof DependencyError) || signal?.aborted) throw error;
        await checkUp([id], error, signal);
        if (tried === leastTriesAlone) return blame(id, error);
      }
    }
  }

  async function findPoison(ids: readonly string[], cause: DependencyError, signal: AbortSignal | undefined) {
    await checkUp(ids, cause, signal);
    const users: People = new Map();
    const again = await attempt(ids);
    let suspects = again === undefined ? [...ids] : [];
    for (const size of [Math.ceil(ids.length / groups), 1]) {
      if (suspects.length === 0 || size >= suspects.length) continue;
      const failed = await failing(cut(suspects, size));
      // As many as that may all be alone in their groups, and no more.
      if (failed.length > maxSuspects) throw cause;
      suspects = failed.flat();
    }
    if (suspects.length > maxSuspects) throw cause;
    const until = performance.now() + aloneForMs;
    for (let tried = 0; tried < triesAlone && suspects.length > 0; tried++) {
      if (tried >= leastTriesAlone && performance.now() > until) break;
      await pause(pauseMs, undefined, signal ? { signal } : {});
      suspects = (await failing(cut(suspects, 1))).flat();
    }
    if (suspects.length === 0) return users;
    await checkUp(suspects, cause, signal);
    for (const id of suspects) users.set(id, blame(id, cause));
    return users;

    async function failing(calls: readonly string[][]): Promise<string[][]> {
      const failed: string[][] = [];
      await inParallel(calls, async (some) => {
        if (failed.length <= maxSuspects && (await attempt(some)) === undefined) failed.push(some);
      });
      return failed;
    }

    /** @returns undefined when the call fails */
    async function attempt(some: readonly string[]): Promise<true | undefined> {
      try {
        const answers = await call(some, true, signal);
        if (answers.unanswered.length > 0) await askForSilent(answers, signal);
        for (const [id, user] of answers.users) users.set(id, user);
        return true;
      } catch (error) {
        if (!(error instanceof DependencyError) || signal?.aborted) throw error;
        return undefined;
      }
    }
  }

  /** @throws DependencyError('user-service') when somebody else cannot be asked for either */
  async function checkUp(
    suspects: readonly string[],
    cause: DependencyError | undefined,
    signal: AbortSignal | undefined,
  ) {
    const down = () =>
      cause ??
      new DependencyError(
        'user-service',
        'The user service answers for nobody: neither /users nor /missing names who was asked for',
      );
    const another = await findAnother(new Set(suspects), signal).catch((error: unknown) => {
      throw cause ?? error;
    });
    if (another === undefined) throw down();
    const { unanswered } = await call([another], true, signal).catch((error: unknown) => {
      throw cause ?? error;
    });
    if (unanswered.length > 0) throw down();
  }
}

function cut(ids: readonly string[], size: number): string[][] {
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, n) => ids.slice(n * size, (n + 1) * size));
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items].reverse();
  const worker = async (): Promise<void> => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(parallel, queue.length) }, worker));
}
