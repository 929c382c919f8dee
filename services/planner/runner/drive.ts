// Drives one request for as long as it is ours: looks how it is, does the next step, looks again. A crash between any two
// lines repeats the same chunks with the same people.
import { StatementUndoneError } from '../../../lib/db/database.ts';
import { DependencyError } from '../../../lib/errors.ts';
import { type LaneStatus, LeaveError, pauseFor } from '../../../lib/kafka/lane-status.ts';
import type { UserService } from '../../../lib/user-service.ts';
import { cutChunks } from '../plan.ts';
import { nextPage, type Sources } from './audience.ts';
import { publishChunks, publishUnpublished } from './chunks.ts';
import type { Driven } from './driven.ts';
import { releaseLease } from './leases.ts';
import { type CareParts, cancelRequest, healRequest, resumeRequest } from './look-after.ts';
import { type Limits, nextStep, type View } from './next-step.ts';
import { notePaused } from './note-state.ts';
import { type DrivenView, readView } from './read-view.ts';
import { endAside, setAside } from './set-aside.ts';
import { createSources } from './sources.ts';
import { storePage } from './store-page.ts';

export interface DriveParts extends CareParts {
  users: Pick<UserService, 'fetchCategories' | 'listUserIds'>;
  status: LaneStatus;
  limits: Limits;
  /** Told of every look at a request. */
  onLook?(request: Driven, view: View): void;
}

const lookEveryMs = 250;
const firstRetryMs = 200;
const longestRetryMs = 2_000;
/** In a row; then the others have the place of this request for a while. Each try of the first kind may take 30 s. */
const undoneTries = 3;
const unansweredTries = 5;

/**
 * Returns when nothing is left to do for it, when it is no longer ours, or when it is told to leave.
 * @param signal the planner stops, or the lease is lost
 */
export async function drive(parts: DriveParts, request: Driven, signal: AbortSignal): Promise<void> {
  const work = new Work(parts, request, signal);
  const who = {};
  let delayMs = firstRetryMs;
  let isAside = false;
  let failed = { undone: 0, unanswered: 0 };
  try {
    while (!signal.aborted) {
      try {
        const isOver = await work.step();
        parts.status.resumed(who);
        if (isOver) break;
        delayMs = firstRetryMs;
        failed = { undone: 0, unanswered: 0 };
      } catch (error) {
        if (!(error instanceof DependencyError)) throw error;
        if (signal.aborted) break;
        parts.status.waits(who, error);
        if (error instanceof StatementUndoneError) failed.undone++;
        else if (error.dependency === 'user-service') failed.unanswered++;
        if (failed.undone >= undoneTries || (await isUnansweredAlone(parts, failed.unanswered, signal))) {
          await setAside(parts, 'drive', request.requestId, error);
          isAside = true;
          break;
        }
        await pauseFor(delayMs, signal);
        delayMs = Math.min(delayMs * 2, longestRetryMs);
      }
    }
  } catch (error) {
    if (!(error instanceof LeaveError)) throw error;
  } finally {
    parts.status.resumed(who);
  }
  // Not when it ends with a bug: then the lease runs out, and the next try comes after a while.
  await releaseLease(parts.db, request, work.isWhole);
  if (!isAside) await endAside(parts.db, request.requestId);
}

/** Whether the user service answers, and not for this request: then another mailing may have the place. */
async function isUnansweredAlone({ users }: DriveParts, failedCount: number, signal: AbortSignal): Promise<boolean> {
  if (failedCount < unansweredTries) return false;
  try {
    await users.fetchCategories(signal);
    return true;
  } catch (error) {
    if (!(error instanceof DependencyError)) throw error;
    return false;
  }
}

class Work {
  readonly #parts: DriveParts;
  readonly #request: Driven;
  readonly #signal: AbortSignal;
  readonly #sources: Sources;
  /** What an earlier holder, or a step of ours that failed, has stored may not be published. */
  #isWhole = false;

  constructor(parts: DriveParts, request: Driven, signal: AbortSignal) {
    this.#parts = parts;
    this.#request = request;
    this.#signal = signal;
    this.#sources = createSources(request, parts, signal);
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** @returns whether it was the last one */
  async step(): Promise<boolean> {
    const parts = this.#parts;
    const view = await readView(parts.db, this.#request);
    if (!view) return true;
    parts.onLook?.(this.#request, view);
    const next = nextStep(view, parts.limits);
    switch (next.do) {
      case 'cancel':
        await cancelRequest(parts, this.#request, view);
        this.#isWhole = true;
        return true;
      case 'pause':
        await notePaused(parts.db, this.#request);
        this.#isWhole = true;
        return true;
      case 'resume':
        await resumeRequest(parts, this.#request);
        return false;
      case 'heal':
        await healRequest(parts, this.#request, view);
        return false;
      case 'plan':
        await this.#publishLeftBehind();
        await this.#planPage(view, next.limit);
        return false;
      case 'wait':
        await this.#publishLeftBehind();
        await pauseFor(lookEveryMs, this.#signal);
        return false;
      case 'leave':
        await this.#publishLeftBehind();
        return true;
    }
  }

  async #publishLeftBehind(): Promise<void> {
    if (this.#isWhole) return;
    await publishUnpublished(this.#parts, this.#request);
    this.#isWhole = true;
  }

  async #planPage(from: Pick<DrivenView, 'cursor' | 'chunkCount'>, limit: number): Promise<void> {
    const parts = this.#parts;
    const request = this.#request;
    const { userIds, cursor, atEnd } = await nextPage(this.#sources, from.cursor, limit);
    const chunks = cutChunks(userIds, from.chunkCount);
    this.#isWhole = false;
    const storedAtMs = await storePage(parts.db, request, { chunkCount: from.chunkCount, chunks, cursor, atEnd });
    // Somebody else has it: the next look says so, and nothing of this page was stored.
    if (storedAtMs === undefined) return;
    await publishChunks(parts, [{ request, chunks: chunks.map((chunk) => ({ ...chunk, storedAtMs })) }]);
    this.#isWhole = true;
  }
}
