// Turns verdicts into what Kafka is to keep of them (events for the next stage, outcomes, dead letters) and writes a
// slice's worth in one acknowledged request.
import { describeError, PermanentError, PosthornError } from '../errors.ts';
import type { NotificationOutcome } from '../events.ts';
import type { Logger } from '../logger.ts';
import type { StageMetrics } from '../metrics.ts';
import type { StageName, Topics } from '../topics.ts';
import { type Located, toDeadLetter } from './dead-letter.ts';
import { onlyCause } from './headers.ts';
import type { Item } from './items.ts';
import { toOutcomeRecords, type Verdict } from './judge.ts';
import type { Publisher, RawRecord } from './publisher.ts';
import type { AnyStage } from './stage.ts';

/** What is to be written for one record, and counted once it is written. */
export interface Written {
  item: Item;
  located: Located;
  records: readonly RawRecord[];
  forwardedCount: number;
  outcomes: readonly NotificationOutcome[];
  /** Set when the record goes to the dead letters. */
  deadLetterCode?: string;
}

export interface VerdictWriter {
  forDone(verdict: Extract<Verdict, { kind: 'done' }>, located: Located): Written;
  /** The dead letter, and a failed outcome for everybody whom the record names. */
  forPutAside(item: Item, error: Error, located: Located): Written;
  /** @param patiently waits out Kafka being down */
  write(all: readonly Written[], patiently: Patiently): Promise<void>;
}

/** Of a bug's own message; a dead letter's header takes 1,024 bytes of all. */
const maxBugChars = 500;

type Patiently = (work: () => Promise<void>) => Promise<void>;

export function createVerdictWriter(deps: {
  stage: AnyStage;
  publisher: Publisher;
  topics: Topics;
  logger: Logger;
  metrics: StageMetrics;
}): VerdictWriter {
  const { stage, publisher, topics, logger, metrics } = deps;

  function failOutcomes(item: Item, error: { code: string; message: string }): readonly NotificationOutcome[] {
    return item.kind === 'event' ? stage.fail(item.incoming.event, error, Date.now()) : [];
  }

  function forPutAside(item: Item, error: Error, located: Located): Written {
    const { topic, partition, message } = located;
    const cause = toCause(error, stage.name, `${topic}/${partition}/${message.offset}`);
    logger.warn(
      { topic, partition, offset: message.offset, code: cause.code },
      `put aside: ${cause.code}: ${describeError(error)}`,
    );
    let outcomes: readonly NotificationOutcome[] = [];
    let outcomeRecords: RawRecord[] = [];
    try {
      outcomes = failOutcomes(item, cause);
      const traceparent = item.kind === 'event' ? item.incoming.traceparent : undefined;
      outcomeRecords = toOutcomeRecords(outcomes, traceparent, { publisher, topics });
    } catch (bug) {
      logger.error({ err: bug, topic, partition, offset: message.offset }, 'no outcome can be told for a dead letter');
    }
    const deadLetter = toDeadLetter(topics, stage.name, located, cause, Date.now());
    return {
      item,
      located,
      records: [deadLetter, ...outcomeRecords],
      forwardedCount: 0,
      outcomes,
      deadLetterCode: cause.code,
    };
  }

  async function writeOne(one: Written, patiently: Patiently): Promise<void> {
    try {
      await patiently(() => publisher.publishRaw(one.records));
      count(one);
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      if (one.deadLetterCode === undefined) return writeOne(forPutAside(one.item, error, one.located), patiently);
      // The dead-letter topic takes less than the record's own: its headers still tell where the record stands.
      try {
        await patiently(() => publisher.publishRaw(ofDeadLetter(one, (letter) => ({ ...letter, value: null }))));
      } catch (second) {
        if (!(second instanceof PermanentError)) throw second;
        await patiently(() => publisher.publishRaw(ofDeadLetter(one, toCauseAlone)));
      }
      count(one);
    }
  }

  function ofDeadLetter({ records }: Written, change: (letter: RawRecord) => RawRecord): RawRecord[] {
    return records.map((record) => (record.topic === topics.deadLetters[stage.name].name ? change(record) : record));
  }

  function count({ forwardedCount, outcomes, deadLetterCode }: Written): void {
    if (forwardedCount > 0) metrics.forwarded(forwardedCount);
    for (const { state, reason } of outcomes) metrics.dropped(state, reason, 1);
    if (deadLetterCode !== undefined) metrics.deadLettered(deadLetterCode);
  }

  return {
    forDone: ({ item, records, forwardedCount, outcomes }, located) => ({
      item,
      located,
      records,
      forwardedCount,
      outcomes,
    }),
    forPutAside,
    async write(all, patiently) {
      const records = all.flatMap((one) => one.records);
      try {
        if (records.length > 0) await patiently(() => publisher.publishRaw(records));
        all.forEach(count);
      } catch (error) {
        if (!(error instanceof PermanentError)) throw error;
        for (const one of all) await writeOne(one, patiently);
      }
    },
  };
}

/** Its key and its producer's headers may be what is too large. */
function toCauseAlone(letter: RawRecord): RawRecord {
  return { ...letter, key: null, value: null, headers: onlyCause(letter.headers) };
}

/** What records, outcomes and pages may hold of an error: of a bug never its stack, which the log has. */
function toCause(error: Error, stageName: StageName, place: string): { code: string; message: string } {
  if (error instanceof PosthornError) return { code: error.code, message: describeError(error) };
  const words = withoutPaths(describeError(error).split('\n', 1)[0] ?? '').slice(0, maxBugChars);
  return { code: 'bug', message: `bug: ${words} (its stack is in the log of the ${stageName}, at ${place})` };
}

/** Errors of Node name files of this machine. */
function withoutPaths(text: string): string {
  return text.replace(/(?:file:\/\/)?(?<![\w./-])\/[\w.@+-]+(?:\/[\w.@+-]+)+(?::\d+)*/g, '<file>');
}
