// One step of what is followed: looked for in its topic, and what to say when it is not there.
import type { StageName } from '../../../lib/topics.ts';
import { findRecord } from '../kafka/find-record.ts';
import type { StoredRecord } from '../kafka/stored-record.ts';
import type { Parts } from '../parts.ts';

export interface Step {
  name: 'requested' | 'planned' | 'enriched' | 'rendered' | 'put aside' | 'ended';
  /** Where it may stand, the likeliest first. */
  topics: readonly string[];
  key: string | undefined;
  id: string;
  /** When the ledger or the planner noted it; undefined while nobody has. */
  atMs: number | undefined;
  /** Where to begin to look: at that time, or at the earliest that it can be. */
  aboutMs: number;
  fromMs: number;
  untilMs: number;
  /** Who is still to read this record; undefined where it does not matter any more. */
  doneBy: StageName | undefined;
  /** Said in place of a search. */
  missing: string | undefined;
  /** Where the ledger has it. */
  place?: { partition: number; offset: string };
}

export interface FoundStep {
  name: Step['name'];
  topic: string;
  partition: number | undefined;
  offset: string | undefined;
  /** When Kafka appended it, else what the ledger noted. */
  atMs: number | undefined;
  isFound: boolean;
  /** Why there is none, or what stands before it. */
  words: string;
}

export async function findStep(parts: Parts, step: Step): Promise<FoundStep> {
  const [topic = ''] = step.topics;
  const none = { name: step.name, topic, partition: undefined, offset: undefined, atMs: step.atMs, isFound: false };
  if (step.missing !== undefined) return { ...none, words: step.missing };
  if (step.place) {
    const { partition, offset } = step.place;
    const record = await parts.records.read(topic, partition, offset);
    if (record) return toFound(parts, step, record);
    return { ...none, words: `gone: the topic no longer keeps partition ${partition}, offset ${offset}` };
  }
  const words: string[] = [];
  for (const name of step.topics) {
    const found = await findRecord(parts.records, parts.kafkaAdmin, { ...step, topic: name });
    if (found.record) return toFound(parts, step, found.record);
    words.push(toWords(name, found, step));
  }
  return { ...none, words: words.join('; ') };
}

function toWords(
  topic: string,
  found: { partitions: number[]; lookedAtCount: number; isCutShort: boolean },
  step: Step,
): string {
  const where = found.partitions.length === 1 ? `partition ${found.partitions[0]}` : 'all partitions';
  const looked = `${found.lookedAtCount.toLocaleString('en-US')} ${found.lookedAtCount === 1 ? 'record' : 'records'}`;
  const time = (ms: number) => new Date(ms).toISOString().slice(11, 19);
  const window = `from ${time(step.fromMs)} to ${time(step.untilMs)} UTC`;
  const cut = found.isCutShort ? ', and this time held more' : '';
  const verb = step.atMs === undefined ? 'not there yet' : 'not found';
  return `${verb} in ${topic}, ${where}, ${window} (${looked} looked at${cut})`;
}

function toFound(parts: Parts, { name, doneBy }: Step, record: StoredRecord): FoundStep {
  const { topic, partition, offset, timestampMs } = record;
  return { name, topic, partition, offset, atMs: timestampMs, isFound: true, words: toAhead(parts, doneBy, record) };
}

/** Whether its reader has come to it, and how much stands before it. */
function toAhead(parts: Parts, stage: StageName | undefined, { topic, partition, offset }: StoredRecord): string {
  const lane = parts.lag.last()?.positions.lanes.find((one) => one.lane.input.name === topic);
  const position = lane?.positions.get(partition);
  if (!stage || !lane || position === undefined || BigInt(offset) < position) return '';
  const before = Number(BigInt(offset) - position);
  const ahead = before === 0 ? 'it is the next one' : `${before.toLocaleString('en-US')} before it`;
  return `not yet past the ${stage}: ${ahead}, lag of the lane ${lane.lag.toLocaleString('en-US')}`;
}
