// The steps of what is followed: which records there should be, where each one stands, and the time between them.

import { priorities, type StageName, stages } from '../../../lib/topics.ts';
import type { Parts } from '../parts.ts';
import type { FollowedDelivery, FollowedRequest } from '../queries/follow.ts';
import { type FoundStep, findStep, type Step } from './follow-search.ts';

/** What is known of one message, wherever it is. */
export interface Message {
  notificationId: string;
  userId: string;
  chunkId: string;
  chunkPeopleCount: number;
  publishedAt: Date | null;
  storedAt: Date | null;
  /** Undefined while the ledger has no row of it. */
  delivery: FollowedDelivery | undefined;
}

const marginMs = 60_000;

export function requestStep({ topics }: Pick<Parts, 'topics'>, request: FollowedRequest): Step {
  const only = request.userIds.length === 1 && request.categoryCount === 0 ? request.userIds[0] : undefined;
  const isMade = request.origin === 'mailing' || request.origin === 'series';
  return {
    name: 'requested',
    topics: [topics.requests, topics.requestsHigh]
      .sort((a) => ((a === topics.requestsHigh) === (request.priority === 'high') ? -1 : 1))
      .map(({ name }) => name),
    key: only ?? request.requestId,
    id: request.requestId,
    atMs: request.requestedAt.getTime(),
    aboutMs: request.requestedAt.getTime(),
    fromMs: request.requestedAt.getTime() - marginMs,
    untilMs: request.storedAt.getTime() + marginMs,
    doneBy: 'planner',
    missing: isMade ? 'none: this mailing was made in these pages, so no producer wrote a record' : undefined,
  };
}

export function chunkStep(
  { topics }: Pick<Parts, 'topics'>,
  request: FollowedRequest,
  chunk: { id: string; peopleCount: number; someUserIds: readonly string[]; storedAt: Date; publishedAt: Date | null },
  nowMs: number,
): Step {
  const storedMs = chunk.storedAt.getTime();
  return {
    name: 'planned',
    topics: [topics.planned[request.priority].name],
    key: chunk.peopleCount === 1 ? chunk.someUserIds[0] : chunk.id,
    id: chunk.id,
    atMs: storedMs,
    aboutMs: storedMs,
    fromMs: storedMs - marginMs,
    untilMs: (chunk.publishedAt?.getTime() ?? nowMs) + marginMs,
    doneBy: 'enricher',
    missing: chunk.publishedAt ? undefined : 'not yet: the planner has stored it and not published it',
  };
}

/** Enriched, rendered and ended, as far as they are to be expected. */
export function messageSteps(
  { topics }: Pick<Parts, 'topics'>,
  request: FollowedRequest,
  message: Message,
  nowMs: number,
): Step[] {
  const { delivery, userId: key, notificationId: id } = message;
  const priority = priorities.find((one) => one === (delivery?.priority ?? request.priority)) ?? 'medium';
  const plannedMs = (delivery?.plannedAt ?? message.storedAt ?? request.storedAt).getTime();
  const step = (
    name: Step['name'],
    topic: string,
    doneBy: StageName | undefined,
    at: Date | null | undefined,
  ): Step => ({
    name,
    topics: [topic],
    key,
    id,
    atMs: at?.getTime(),
    aboutMs: at?.getTime() ?? plannedMs,
    fromMs: at ? at.getTime() - marginMs : plannedMs - marginMs,
    untilMs: at ? at.getTime() + marginMs : nowMs,
    doneBy,
    missing: undefined,
  });
  const isOver = (delivery?.endedAt ?? null) !== null;
  const endedBy = isOver ? stages.indexOf(delivery?.stage ?? 'dispatcher') : stages.length;
  const steps: Step[] = [];
  if (endedBy > stages.indexOf('enricher')) {
    steps.push(step('enriched', topics.enriched[priority].name, 'renderer', delivery?.enrichedAt));
  }
  if (endedBy > stages.indexOf('renderer')) {
    const rendered = step('rendered', topics.rendered[priority].name, 'dispatcher', delivery?.renderedAt);
    const { renderedPartition, renderedOffset } = delivery ?? {};
    const isKnown = renderedPartition != null && renderedOffset != null;
    steps.push(
      isKnown ? { ...rendered, place: { partition: renderedPartition, offset: String(renderedOffset) } } : rendered,
    );
  }
  if (isOver && delivery?.reason === 'dead_lettered') {
    const name = topics.deadLetters[delivery.stage].name;
    const isChunk = delivery.stage === 'enricher';
    const letter = step('put aside', name, undefined, delivery.endedAt);
    steps.push(
      isChunk
        ? { ...letter, key: message.chunkPeopleCount === 1 ? key : message.chunkId, id: message.chunkId }
        : letter,
    );
  }
  const ended = step('ended', topics.outcomes.name, isOver ? undefined : 'dispatcher', delivery?.endedAt);
  const waits = delivery && !isOver ? `not yet: the ledger has it as ${delivery.state}` : undefined;
  return [...steps, waits ? { ...ended, missing: waits } : ended];
}

export interface ShownStep extends FoundStep {
  /** Since the step before. */
  gapMs: number | null;
  /** Of the whole time, for the picture. */
  startPercent: number;
  widthPercent: number;
}

/** Looks for all of them at the same time, and puts them in their order. */
export async function showSteps(parts: Parts, steps: readonly Step[]): Promise<ShownStep[]> {
  const found = await Promise.all(steps.map((step) => findStep(parts, step)));
  const times = found.flatMap(({ atMs }) => (atMs === undefined ? [] : [atMs]));
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const whole = Math.max(1, last - first);
  let beforeMs: number | undefined;
  let isAhead = false;
  const lastFound = found.findLastIndex(({ isFound }) => isFound);
  return found.map((step, number) => {
    // What stands before a record matters only where nothing has come of it; what is still to come is explained once.
    const known = step.isFound && number < lastFound ? '' : step.words;
    const words = isAhead && !step.isFound ? 'not yet' : known;
    isAhead ||= step.atMs === undefined && !step.isFound;
    if (step.atMs === undefined) return { ...step, words, gapMs: null, startPercent: 0, widthPercent: 0 };
    const fromMs = beforeMs ?? step.atMs;
    beforeMs = step.atMs;
    const gapMs = step.atMs - fromMs;
    const start = ((Math.min(fromMs, step.atMs) - first) / whole) * 100;
    return {
      ...step,
      words,
      gapMs: step === found[0] ? null : gapMs,
      startPercent: start,
      widthPercent: (Math.abs(gapMs) / whole) * 100,
    };
  });
}
