// The waiting loop of one lane: what is due goes the way of a slice again. Several dispatchers share the work.
import { setTimeout as delay } from 'node:timers/promises';
import { DependencyError, describeError } from '../../lib/errors.ts';
import type { Codec } from '../../lib/kafka/codec.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Priority, Topic } from '../../lib/topics.ts';
import type { Lane } from './lane.ts';
import type { PutOff } from './ledger/leave-waiting.ts';
import type { Due } from './ledger/types.ts';
import type { Ledger } from './ledger.ts';
import { listCancelled } from './list-cancelled.ts';
import type { Message } from './messages.ts';

export interface WaitingOptions {
  priority: Priority;
  input: Topic<'NotificationRendered'>;
  lane: Pick<Lane, 'dispatch'>;
  ledger: Ledger;
  codec: Pick<Codec, 'decode'>;
  logger: Logger;
  /** Between looks; up to three times as long when nothing was due for a while, so that an idle lane costs little. */
  everyMs?: number;
}

export interface WaitingLoop {
  /** Something is due: looks at once. */
  look(): void;
  /** No new body leaves; resolves when what was in hand is settled or given back. */
  stop(): Promise<void>;
}

const atATime = 200;
/** What could not be tried because something is down is due again after so long. */
const retryMs = 2_000;
const longestPauseMs = 5_000;
/** A record that cannot be read is looked at again, by this release or the next. */
const unreadableRetryMs = 10 * 60_000;

export function startWaitingLoop(options: WaitingOptions): WaitingLoop {
  const { priority, input, lane, ledger, codec, logger, everyMs = 1_000 } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let interruptPause: AbortController | undefined;

  async function run(): Promise<void> {
    let pauseMs = everyMs;
    while (!signal.aborted) {
      const interrupt = new AbortController();
      interruptPause = interrupt;
      try {
        const due = await ledger.claimDue(priority, atATime);
        if (due.length > 0) await dispatch(due);
        if (due.length === atATime) pauseMs = 0;
        else pauseMs = due.length > 0 ? everyMs : Math.min(pauseMs + everyMs, 3 * everyMs);
      } catch (error) {
        // The lane itself says what it waits for; here it only waits as well.
        if (!(error instanceof DependencyError) && !signal.aborted) {
          logger.error({ err: error }, `what waits cannot be sent: ${describeError(error)}`);
        }
        pauseMs = Math.min(Math.max(pauseMs, everyMs) * 2, longestPauseMs);
      }
      if (pauseMs > 0) await delay(pauseMs, undefined, { signal: interrupt.signal }).catch(() => undefined);
    }
  }

  async function dispatch(due: readonly Due[]): Promise<void> {
    const messages: Message[] = [];
    const unreadable: PutOff[] = [];
    for (const row of [...due].sort(byOffset)) {
      try {
        messages.push(toMessage(row, await codec.decode(input, row.value)));
      } catch (error) {
        if (error instanceof DependencyError) throw error;
        logger.error({ err: error, notificationId: row.notification_id }, 'a record that waits cannot be read');
        unreadable.push({ notificationId: row.notification_id, dueInMs: unreadableRetryMs });
      }
    }
    await ledger.postpone(unreadable);
    try {
      await send(messages);
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      const cancelled = await listCancelled(ledger, messages);
      if (cancelled.length > 0 && cancelled.length < messages.length) await send(cancelled);
      throw error;
    }
  }

  async function send(messages: readonly Message[]): Promise<void> {
    const ids = messages.map(({ event }) => event.notification_id);
    try {
      await lane.dispatch(messages, { fromWaiting: true, signal, progressed: () => {} });
    } catch (error) {
      await ledger.postpone(ids.map((notificationId) => ({ notificationId, dueInMs: retryMs })));
      throw error;
    }
    // Only now are the outcomes published: until then the waiting row made sure of them.
    await ledger.leaveWaiting(ids);
  }

  const running = run();
  return {
    look: () => interruptPause?.abort(),
    async stop() {
      stopping.abort();
      interruptPause?.abort();
      await running;
    },
  };
}

function toMessage(row: Due, event: Message['event']): Message {
  return {
    event,
    key: row.key,
    traceparent: row.traceparent ?? undefined,
    partition: row.rendered_partition,
    offset: row.rendered_offset,
    waitsSince: row.since_ms,
    mayHaveLeft: row.reason === 'no_answer',
  };
}

/** Two messages to one person that are due together go in the order in which they came. */
function byOffset(a: Due, b: Due): number {
  return a.rendered_partition - b.rendered_partition || Number(a.rendered_offset) - Number(b.rendered_offset);
}
