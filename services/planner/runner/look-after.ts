// What requests need besides pages: their end when they are cancelled, and the people who got lost on the way when they
// go on after a pause or do not move any more.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka } from '../../../lib/kafka/client.ts';
import { measureLag } from '../../../lib/kafka/lag.ts';
import { type Passage, startPassage } from '../../../lib/kafka/passage.ts';
import type { Logger } from '../../../lib/logger.ts';
import type { Lane, Priority, Topics } from '../../../lib/topics.ts';
import type { PlannerMetrics } from '../planner-metrics.ts';
import { type ChunkParts, publishChunks } from './chunks.ts';
import { countPeople, type Driven } from './driven.ts';
import { endPeople } from './end-people.ts';
import { findMissing } from './missing-people.ts';
import { noteCancelled, noteHealed, noteResumed } from './note-state.ts';
import { type DrivenView, readHold } from './read-view.ts';

export interface CareParts extends ChunkParts {
  kafka: Kafka;
  logger: Logger;
  now: () => number;
  metrics?: Pick<PlannerMetrics, 'healed' | 'lost' | 'setAside'>;
}

export const maxHealRounds = 3;
const neverHeardOf = `published ${maxHealRounds} times again, and never heard of`;
/** While others are sent all the time, what is asked about is through within a second. */
const passageLooks = 3;
const passageLookEveryMs = 1_000;
/** Request ids in one line of the log. */
const namedInLog = 5;

/**
 * Ends the people without a row as skipped(cancelled). Claims and what waits are ended by the dispatcher. When the numbers
 * do not balance in the end, and nothing is left to be read, this comes again: then their records go out too, so that
 * what a dispatcher left behind comes before the ledger once more.
 */
export async function cancelRequest(parts: CareParts, request: Driven, view: DrivenView): Promise<void> {
  const isRepeated = view.state === 'cancelled';
  if (!(await noteCancelled(parts.db, request))) return;
  const { requestId } = request;
  if (isRepeated && !(await isAllThrough(parts, request.priority))) return;
  if (!isRepeated) parts.logger.info({ requestId, planned: view.planned, ended: view.ended }, 'cancelled');
  let count = 0;
  for await (const portions of findMissing(parts.db, [request])) {
    if (isRepeated) await publishChunks(parts, portions);
    await endPeople(parts, portions, { state: 'skipped', reason: 'cancelled', detail: '' }, parts.now());
    count += countPeople(portions);
  }
  if (isRepeated && count > 0)
    parts.logger.warn({ requestId, count }, 'people of a cancelled mailing were without an end');
}

/** Publishes the people without a row again, and lets the request go on; unless it is held once more meanwhile. */
export async function resumeRequest(parts: CareParts, request: Driven): Promise<void> {
  const count = await republishMissing(parts, request);
  if (count === undefined) return;
  await noteResumed(parts.db, request);
  parts.logger.info({ requestId: request.requestId, count }, 'resumed, people without a row were published again');
}

/**
 * For a request whose numbers have not moved for long. As long as what is in its lanes is not read nothing is lost, and
 * nothing is done. What stays lost after three rounds is failed(lost): a mailing that never ends helps nobody.
 */
export async function healRequest(parts: CareParts, request: Driven, view: DrivenView): Promise<void> {
  const { requestId, priority } = request;
  if (!(await isAllThrough(parts, priority))) {
    parts.logger.info({ requestId }, 'the numbers do not move, but there are records to read');
    return noteHealed(parts.db, request, view.healRounds);
  }
  if (view.healRounds >= maxHealRounds) return giveUp(parts, request, view);
  const count = await republishMissing(parts, request);
  if (count === undefined) return;
  parts.metrics?.healed(count);
  if (count > 0) parts.logger.warn({ requestId, count, round: view.healRounds + 1 }, 'lost people are published again');
  await noteHealed(parts.db, request, view.healRounds + (count > 0 ? 1 : 0));
}

async function giveUp(parts: CareParts, request: Driven, view: DrivenView): Promise<void> {
  await endLost(parts, [request]);
  await noteHealed(parts.db, request, view.healRounds);
}

/** Ends the people without a row as failed(lost). @param detail for whoever looks at one of them */
export async function endLost(parts: CareParts, requests: readonly Driven[], detail = neverHeardOf): Promise<void> {
  for await (const portions of findMissing(parts.db, requests)) {
    await endPeople(parts, portions, { state: 'failed', reason: 'lost', detail }, parts.now());
    const count = countPeople(portions);
    parts.metrics?.lost(count);
    const requestIds = portions.slice(0, namedInLog).map(({ request }) => request.requestId);
    parts.logger.error({ requestIds, count }, 'people are lost, they end as failed');
  }
}

/** @returns how many; undefined when the request was held meanwhile, and not all were */
async function republishMissing(parts: CareParts, request: Driven): Promise<number | undefined> {
  let count = 0;
  for await (const portions of findMissing(parts.db, [request])) {
    if ((await readHold(parts.db, request.requestId)) !== null) return undefined;
    await publishChunks(parts, portions);
    count += countPeople(portions);
  }
  return count;
}

/** Records that wait where people of a priority are on their way, once the planner has let go of them. */
export function measureLagOf({ kafka, topics }: CareParts, priority: Priority): Promise<number> {
  return measureLag(kafka, flowOf(topics, priority).flat());
}

/** Through all the lanes of a priority: what was published before and has not ended when it is through is lost. */
export function startPassageOf({ kafka, topics }: CareParts, priority: Priority): Passage {
  return startPassage(kafka, flowOf(topics, priority));
}

async function isAllThrough(parts: CareParts, priority: Priority): Promise<boolean> {
  const passage = startPassageOf(parts, priority);
  for (let looks = 1; looks <= passageLooks; looks++) {
    if (await passage.check()) return true;
    if (looks < passageLooks) await sleep(passageLookEveryMs);
  }
  return false;
}

function flowOf({ lanes }: Topics, priority: Priority): Lane[][] {
  const { enricher, renderer, dispatcher, outcomes } = lanes;
  return [
    ...[enricher, renderer, dispatcher].map((ofStage) => ofStage.filter(({ name }) => name === priority)),
    [outcomes],
  ];
}
