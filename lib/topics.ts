// The one table of topics, lanes and consumer groups. Everything that names a topic takes it from here.
import type { RecordName } from './events.ts';

export const priorities = ['high', 'medium', 'low'] as const;
export type Priority = (typeof priorities)[number];

/** The services that read topics, in the order of the flow. A stage's name is its service's name. */
export const stages = ['planner', 'enricher', 'renderer', 'dispatcher'] as const;
export type StageName = (typeof stages)[number];

export interface Topic<R extends RecordName = RecordName> {
  name: string;
  /** The record it carries; its Avro schema is registered under `subject`. */
  record: R;
  subject: string;
  retentionMs: number;
}

export interface DeadLetterTopic {
  name: string;
  retentionMs: number;
}

/** What one consumer group reads. Lanes of a stage never share a group, so that one cannot slow the other. */
export interface Lane<R extends RecordName = RecordName> {
  stage: StageName;
  /** The priority, or what the lane reads where that is not one priority: `requests`, `outcomes`. */
  name: Priority | 'requests' | 'outcomes';
  input: Topic<R>;
  group: string;
}

export interface Topics {
  requests: Topic<'NotificationRequested'>;
  requestsHigh: Topic<'NotificationRequested'>;
  planned: Record<Priority, Topic<'ChunkPlanned'>>;
  enriched: Record<Priority, Topic<'NotificationEnriched'>>;
  rendered: Record<Priority, Topic<'NotificationRendered'>>;
  outcomes: Topic<'NotificationOutcome'>;
  deadLetters: Record<StageName, DeadLetterTopic>;
  lanes: {
    planner: Lane<'NotificationRequested'>[];
    enricher: Lane<'ChunkPlanned'>[];
    renderer: Lane<'NotificationEnriched'>[];
    dispatcher: Lane<'NotificationRendered'>[];
    outcomes: Lane<'NotificationOutcome'>;
  };
}

const dayMs = 24 * 60 * 60 * 1000;
const workRetentionMs = 7 * dayMs;
const recordRetentionMs = 30 * dayMs;

/** @param prefix KAFKA_TOPIC_PREFIX, put before every topic and group as it is (`staging.`); empty for none. */
export function createTopics(prefix = ''): Topics {
  const topic = <R extends RecordName>(name: string, record: R, retentionMs = workRetentionMs): Topic<R> => ({
    name: `${prefix}notifications.${name}`,
    record,
    subject: `${prefix}notifications.${name}-value`,
    retentionMs,
  });
  const byPriority = <T>(make: (priority: Priority) => T): Record<Priority, T> => ({
    high: make('high'),
    medium: make('medium'),
    low: make('low'),
  });
  const lane = <R extends RecordName>(stage: StageName, name: Lane['name'], input: Topic<R>): Lane<R> => ({
    stage,
    name,
    input,
    group: `${prefix}notifications.${stage}.${name}`,
  });
  const deadLetter = (stage: StageName): DeadLetterTopic => ({
    name: `${prefix}notifications.${stage}.dlt`,
    retentionMs: recordRetentionMs,
  });

  const requests = topic('requests', 'NotificationRequested');
  const requestsHigh = topic('requests.high', 'NotificationRequested');
  const planned = byPriority((priority) => topic(`planned.${priority}`, 'ChunkPlanned'));
  const enriched = byPriority((priority) => topic(`enriched.${priority}`, 'NotificationEnriched'));
  const rendered = byPriority((priority) => topic(`rendered.${priority}`, 'NotificationRendered'));
  const outcomes = topic('outcomes', 'NotificationOutcome', recordRetentionMs);
  return {
    requests,
    requestsHigh,
    planned,
    enriched,
    rendered,
    outcomes,
    deadLetters: {
      planner: deadLetter('planner'),
      enricher: deadLetter('enricher'),
      renderer: deadLetter('renderer'),
      dispatcher: deadLetter('dispatcher'),
    },
    lanes: {
      planner: [lane('planner', 'high', requestsHigh), lane('planner', 'requests', requests)],
      enricher: priorities.map((priority) => lane('enricher', priority, planned[priority])),
      renderer: priorities.map((priority) => lane('renderer', priority, enriched[priority])),
      dispatcher: priorities.map((priority) => lane('dispatcher', priority, rendered[priority])),
      outcomes: lane('dispatcher', 'outcomes', outcomes),
    },
  };
}

/** Every topic that carries Avro records. */
export function recordTopics(topics: Topics): Topic[] {
  return [
    topics.requests,
    topics.requestsHigh,
    ...priorities.map((priority) => topics.planned[priority]),
    ...priorities.map((priority) => topics.enriched[priority]),
    ...priorities.map((priority) => topics.rendered[priority]),
    topics.outcomes,
  ];
}
