// The contract between a stage and the runtime that drives it (run-stage.ts). The author of a stage sees decoded
// events and never offsets: one event in; events forward, outcomes, or an error out.
import type { NotificationOutcome, RecordName, Records } from '../events.ts';
import type { Lane, StageName, Topic } from '../topics.ts';

/** One decoded record, and where it stood. */
export interface Incoming<E> {
  event: E;
  /** The record's key as text; null when it had none. */
  key: string | null;
  /** W3C trace context, carried from the request to the mail server. */
  traceparent: string | undefined;
  topic: string;
  partition: number;
  /** As Kafka writes it: a 64-bit number in decimal. */
  offset: string;
  /** The broker's time of the record (LogAppendTime), milliseconds since 1970 UTC. */
  timestampMs: number;
}

/** One record to write: its topic decides its type. */
export interface Outgoing<R extends RecordName = RecordName> {
  topic: Topic<R>;
  key: string;
  event: Records[R];
  traceparent?: string | undefined;
}

export interface TransformResult<Out extends RecordName> {
  forward: readonly Outgoing<Out>[];
  /** People who end here: skipped or failed. Written to notifications.outcomes. */
  outcomes: readonly NotificationOutcome[];
}

interface StageBase<In extends RecordName> {
  name: StageName;
  lane: Lane<In>;
  /** How many people an event is about: a slice ends at 500 of them. One when left out. */
  countPeople?(event: Records[In]): number;
  /** A slice ends at fewer people, where so many are more than some seconds of work. */
  maxPeople?: number;
  /** How long it may wait for one answer from outside with nothing to show, where that is more than half a minute. */
  answerWithinMs?: number;
  /**
   * The outcomes to publish when a record cannot be handled: one failed for every person known from its value, so that
   * a dead letter never leaves people without an end. `error.code` tells too_large from the rest.
   */
  fail(event: Records[In], error: { code: string; message: string }, now: number): NotificationOutcome[];
}

/**
 * Reads one kind of record and writes one kind. `load` does the I/O for a whole slice at once; `transform` decides for
 * one event, without I/O. Both may throw PermanentError or TransientError; `load` also DependencyError.
 */
export interface TransformStage<In extends RecordName, Facts, Out extends RecordName> extends StageBase<In> {
  kind: 'transform';
  load(slice: readonly Incoming<Records[In]>[], signal: AbortSignal): Promise<Facts>;
  transform(incoming: Incoming<Records[In]>, facts: Facts, now: number): TransformResult<Out>;
}

/** A slice handed to a sink, with what the sink may ask while it works. */
export interface Slice<E> {
  incoming: readonly Incoming<E>[];
  /** Aborted when the lane stops or has lost the partition; long work looks at it. */
  signal: AbortSignal;
  /** Tells the broker that the lane is alive; call it during work that lasts longer than a second. */
  heartbeat(): Promise<void>;
}

/** The records of a slice that a sink refuses: each goes to the dead letters with this error. */
export interface Refused<E> {
  incoming: Incoming<E>;
  error: Error;
}

/** Reads one kind of record and does its own work with it. What it returns normally is done, and is committed. */
export interface SinkStage<In extends RecordName> extends StageBase<In> {
  kind: 'sink';
  handle(slice: Slice<Records[In]>): Promise<{ refused: readonly Refused<Records[In]>[] }>;
}

// biome-ignore lint/suspicious/noExplicitAny: a list of stages holds stages of every type.
export type AnyStage = TransformStage<any, any, any> | SinkStage<any>;
