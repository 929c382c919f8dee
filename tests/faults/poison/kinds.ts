// What a record can be that no honest producer writes: every kind once for every topic that it can be written to.
import type { IHeaders } from '../../../lib/kafka/client.ts';
import type { Codec } from '../../../lib/kafka/codec.ts';
import { type Priority, priorities, type StageName, type Topic, type Topics } from '../../../lib/topics.ts';
import type { Random } from '../harness/random.ts';
import { toBrokenBytes } from './broken-bytes.ts';
import { toBrokenEvents } from './broken-events.ts';
import { sampleChunk, sampleEnriched, sampleOutcome, sampleRendered, sampleRequest } from './samples.ts';

export interface PoisonRecord {
  value: Buffer;
  headers?: IHeaders;
  /** Whom it names: notification ids that must end as failed(dead_lettered). */
  failed?: string[];
}

export interface PoisonKind {
  what: string;
  topic: string;
  /** Who reads it, and so puts it aside. */
  stage: StageName;
  /** Of its dead letter. */
  code: RegExp;
  make(): PoisonRecord;
}

export interface PoisonKit {
  topics: Topics;
  codec: Codec;
  random: Random;
  /** Of a subject that is none of its topic's. */
  foreignSchemaId(topic: Topic): number;
}

export function listPoison(kit: PoisonKit): PoisonKind[] {
  const { topics, codec } = kit;
  const bytes = <R extends Topic['record']>(topic: Topic<R>, stage: StageName, sample: () => Buffer) =>
    toBrokenBytes({ sample, random: kit.random, foreignSchemaId: kit.foreignSchemaId(topic) }).map((kind) => ({
      ...kind,
      topic: topic.name,
      stage,
    }));
  const ofRequests = [topics.requests, topics.requestsHigh].flatMap((topic) => [
    ...bytes(topic, 'planner', () => codec.encode(topic, sampleRequest())),
    ...toBrokenEvents.request(kit, topic),
  ]);
  const ofLane = (priority: Priority): PoisonKind[] => {
    const [planned, enriched, rendered] = [
      topics.planned[priority],
      topics.enriched[priority],
      topics.rendered[priority],
    ];
    return [
      ...bytes(planned, 'enricher', () => codec.encode(planned, sampleChunk(priority))),
      ...toBrokenEvents.chunk(kit, planned, priority),
      ...bytes(enriched, 'renderer', () => codec.encode(enriched, sampleEnriched(priority))),
      ...toBrokenEvents.enriched(kit, enriched, priority),
      ...bytes(rendered, 'dispatcher', () => codec.encode(rendered, sampleRendered(priority))),
      ...toBrokenEvents.rendered(kit, rendered, priority),
    ];
  };
  const ofOutcomes = [
    ...bytes(topics.outcomes, 'dispatcher', () => codec.encode(topics.outcomes, sampleOutcome())),
    ...toBrokenEvents.outcome(kit, topics.outcomes),
  ];
  return [...ofRequests, ...priorities.flatMap(ofLane), ...ofOutcomes];
}
