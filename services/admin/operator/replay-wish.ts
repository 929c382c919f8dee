// What somebody asks for, checked and made into rows: one for each topic. The command line and the pages both come here.
import { randomUUID } from 'node:crypto';
import { isUserId, isUuid } from '../../../domain/ids.ts';
import type { Db } from '../../../lib/db/database.ts';
import { priorities, type Topic, type Topics } from '../../../lib/topics.ts';
import { writeAudit } from '../audit.ts';
import type { KeptAdmin } from '../kafka/kept-admin.ts';
import { insertReplay, type NewReplay } from '../queries/replays.ts';
import { parsePlace, ReplayFault, resolveRange } from './replay-range.ts';
import { endStates, type ReplayFilter, type ReplayMode } from './replay-types.ts';

/** As it was entered: empty where nothing was. */
export interface ReplayWish {
  topic: string;
  from: string;
  until: string;
  template: string;
  request: string;
  priority: string;
  user: string;
  /** Of a resend: states, separated by commas. */
  ended: string;
  rate: string;
  mode: ReplayMode;
  reason: string;
}

export const everything = 'everything';
const maxRate = 100_000;

/** Topics that can be replayed, by their short names: how people call them. */
export function replayableTopics(topics: Topics): Map<string, Topic> {
  const list: Topic[] = [
    topics.requestsHigh,
    topics.requests,
    ...priorities.map((one) => topics.planned[one]),
    ...priorities.map((one) => topics.enriched[one]),
    ...priorities.map((one) => topics.rendered[one]),
  ];
  return new Map(list.map((topic) => [toShortName(topic.name), topic]));
}

/** `planned.low`, without prefix and family. */
export function toShortName(topicName: string): string {
  return topicName.replace(/^.*notifications\./, '');
}

/**
 * The rows that the wish becomes; none where the topics hold nothing between the two places.
 * @throws ReplayFault naming the field; DependencyError('kafka')
 */
export async function toReplays(
  parts: { admin: Pick<KeptAdmin, 'use'>; topics: Topics; now: number },
  wish: ReplayWish,
  requestedBy: string,
): Promise<NewReplay[]> {
  const from = parsePlace('from', wish.from.trim() || 'beginning', parts.now);
  const until = parsePlace('until', wish.until.trim() || 'end', parts.now);
  const filter = toFilter(wish);
  const ratePerSecond = Number(wish.rate.trim() || '500');
  if (!Number.isInteger(ratePerSecond) || ratePerSecond < 1 || ratePerSecond > maxRate) {
    throw new ReplayFault('rate', `The rate is people a second: a whole number from 1 to ${maxRate}.`);
  }
  const reason = wish.reason.trim().slice(0, 500);
  if (wish.mode === 'resend') checkResend(filter, reason);
  const chosen = chooseTopics(parts.topics, wish.topic.trim());
  const isOffsets = from.kind === 'offsets' || until.kind === 'offsets';
  if (isOffsets && chosen.length > 1) {
    throw new ReplayFault('from', 'Offsets are those of one topic: name it, or give times.');
  }
  const replays: NewReplay[] = [];
  for (const { topic, onlyUnplanned } of chosen) {
    const range = await resolveRange(parts.admin, topic.name, from, until);
    if (Object.keys(range.until).length === 0) continue;
    replays.push({
      replayId: randomUUID(),
      topic: topic.name,
      ...range,
      filter: onlyUnplanned ? { ...filter, onlyUnplanned } : filter,
      mode: wish.mode,
      reason,
      ratePerSecond,
      requestedBy,
    });
  }
  return replays;
}

/** Writes them down for the executor, and into the audit log. */
export async function orderReplays(db: Db, replays: readonly NewReplay[], who: string): Promise<void> {
  for (const { replayId, topic, mode, filter, from, until, reason, ratePerSecond } of replays) {
    await insertReplay(db, { replayId, topic, mode, filter, from, until, reason, ratePerSecond, requestedBy: who });
    const detail = { topic, mode, filter, from, until, ratePerSecond, ...(reason && { reason }) };
    await writeAudit(db, who, 'replay.ordered', `replay ${replayId}`, detail);
  }
}

function chooseTopics(topics: Topics, name: string): { topic: Topic; onlyUnplanned?: true }[] {
  const known = replayableTopics(topics);
  if (name === '')
    throw new ReplayFault('topic', `Which topic? One of ${[...known.keys()].join(', ')}, ${everything}.`);
  if (name === everything) {
    // Every person once: requests that were never planned from their own topics, the others from those of their chunks.
    return [
      { topic: topics.requestsHigh, onlyUnplanned: true },
      { topic: topics.requests, onlyUnplanned: true },
      ...priorities.map((one) => ({ topic: topics.planned[one] })),
    ];
  }
  const topic = known.get(name) ?? [...known.values()].find((one) => one.name === name);
  if (topic) return [{ topic }];
  if (name.endsWith('.dlt')) throw new ReplayFault('topic', 'Dead letters are redriven, not replayed.');
  if (name === 'outcomes' || name === topics.outcomes.name) {
    throw new ReplayFault('topic', 'Outcomes say what has ended: there is nothing in them to send.');
  }
  throw new ReplayFault('topic', `There is no topic '${name}': one of ${[...known.keys()].join(', ')}, ${everything}.`);
}

function toFilter(wish: ReplayWish): ReplayFilter {
  const [template, request, user] = [wish.template.trim(), wish.request.trim().toLowerCase(), wish.user.trim()];
  const filter: ReplayFilter = {};
  if (template !== '') {
    if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(template)) {
      throw new ReplayFault('template', 'A template is named by its short name, such as monthly-statistics.');
    }
    filter.template_id = template;
  }
  if (request !== '') {
    if (!isUuid(request)) throw new ReplayFault('request', 'A request is named by its id, a UUID.');
    filter.request_id = request;
  }
  if (user !== '') {
    if (!isUserId(user)) throw new ReplayFault('user', 'A person is named by their id at the user service.');
    filter.user_id = user;
  }
  if (wish.priority !== '') {
    const priority = priorities.find((one) => one === wish.priority);
    if (!priority) throw new ReplayFault('priority', `A priority is one of ${priorities.join(', ')}.`);
    filter.priority = priority;
  }
  if (wish.ended.trim() !== '' && wish.mode === 'resend') {
    filter.ended = wish.ended.split(',').map((name) => {
      const end = endStates.find((one) => one === name.trim());
      if (!end) throw new ReplayFault('ended', `'${name.trim()}' is none of ${endStates.join(', ')}.`);
      return end;
    });
  }
  return filter;
}

/** A second message to everybody is never what anybody wants. */
function checkResend(filter: ReplayFilter, reason: string): void {
  if (reason.length < 3) throw new ReplayFault('reason', 'An intended second sending needs a reason, in a few words.');
  if (!filter.request_id && !filter.template_id && !filter.user_id) {
    throw new ReplayFault('request', 'An intended second sending is for one request, one template or one person.');
  }
}
