// The waiting loop of one lane: what is due goes the way of a slice again. Several dispatchers share the work.
import { setTimeout as delay } from 'node:timers/promises';
import type { Channel } from '../../domain/ids.ts';
import { DependencyError, describeError, TransientError } from '../../lib/errors.ts';
import type { Codec } from '../../lib/kafka/codec.ts';
import type { Lane } from './lane.ts';
import type { DueWish } from './ledger/claim-due.ts';
import type { Due } from './ledger/types.ts';
import type { Ledger } from './ledger.ts';
import type { Message } from './messages.ts';
import { type Breaker, failuresToOpen } from './transports/breaker.ts';
import { handleFault, type WaitingFaultsOptions } from './waiting-faults.ts';

export interface WaitingOptions extends WaitingFaultsOptions {
  lane: Pick<Lane, 'dispatch' | 'sawBacklog'> & { readonly transports: Record<Channel, { readonly breaker: Breaker }> };
  ledger: Ledger;
  codec: Pick<Codec, 'decode'>;
  /** Between looks; up to three times as long when nothing was due for a while, so that an idle lane costs little. */
  everyMs?: number;
}

export interface WaitingLoop {
  /** Something is due: looks at once. */
  look(): void;
  /** No new body leaves; resolves when what was in hand is settled or given back. */
  stop(): Promise<void>;
}

/** In one look. A row may be of a megabyte. */
const maxRows = 200;
const maxBytes = 8 * 1024 * 1024;
/** What comes back leaves room for what is new. */
const rowsPerSecond = 500;
/** What could not be tried because something is down is due again after so long. */
const retryMs = 2_000;
const longestPauseMs = 5_000;
/** A row that fails alone is to blame only when others went through so lately. */
const othersWentMs = 60_000;
const channels = ['email', 'sms'] as const;

interface Readable {
  row: Due;
  message: Message;
}

export function startWaitingLoop(options: WaitingOptions): WaitingLoop {
  const { priority, input, lane, ledger, codec, logger, everyMs = 1_000 } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let interruptPause: AbortController | undefined;
  /** Smaller after each look that failed, so that a row whose statement never ends is found, and stops nobody else. */
  let limit = maxRows;
  let wentAtMs = Number.NEGATIVE_INFINITY;

  async function run(): Promise<void> {
    let pauseMs = everyMs;
    while (!signal.aborted) {
      const interrupt = new AbortController();
      interruptPause = interrupt;
      const startedAtMs = performance.now();
      try {
        const { count, mayBeMore } = await look();
        const paceMs = (1_000 * count) / rowsPerSecond - (performance.now() - startedAtMs);
        if (mayBeMore) pauseMs = Math.max(0, paceMs);
        else pauseMs = count > 0 ? Math.max(everyMs, paceMs) : Math.min(pauseMs + everyMs, 3 * everyMs);
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

  /** @returns how many rows went, and whether there may be more. One wish that fails does not stop the others. */
  async function look(): Promise<{ count: number; mayBeMore: boolean }> {
    let count = 0;
    let mayBeMore = false;
    let failure: { error: unknown } | undefined;
    for (const wish of listWishes()) {
      try {
        const due = await ledger.claimDue(priority, wish);
        if (due.length === 0) continue;
        await dispatch(due);
        count += due.length;
        // Of what waited untried, only the first to each person was due.
        mayBeMore ||= due.length === wish.limit || bytesOf(due) >= maxBytes || due.some((row) => row.awaits_channel);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure) throw failure.error;
    return { count, mayBeMore };
  }

  /** Of a channel that is down only as many rows as a proof tries, and what was cancelled, which ends without a server. */
  function listWishes(): DueWish[] {
    const breakerOf = (channel: Channel) => lane.transports[channel].breaker;
    const closed = channels.filter((channel) => !breakerOf(channel).isProving);
    const open = channels.filter((channel) => breakerOf(channel).isOpen);
    const proving = channels.filter((channel) => !closed.includes(channel) && !open.includes(channel));
    const common = { withUnknownChannel: false, onlyCancelled: false, limit, maxBytes };
    return [
      { ...common, channels: closed, withUnknownChannel: true },
      ...proving.map((channel) => ({ ...common, channels: [channel], limit: Math.min(limit, failuresToOpen) })),
      ...(open.length > 0 ? [{ ...common, channels: open, onlyCancelled: true }] : []),
    ];
  }

  async function dispatch(due: readonly Due[]): Promise<void> {
    const readable: Readable[] = [];
    const unasked: Due[] = [];
    for (const row of [...due].sort(byOffset)) {
      try {
        const message = toMessage(row, await codec.decode(input, row.value));
        if (row.awaits_channel) lane.sawBacklog(message.event.channel);
        readable.push({ row, message });
      } catch (error) {
        // The registry is down, and the row's schema is not known yet: the others need not wait for it.
        if (error instanceof DependencyError) unasked.push(row);
        else await handleFault(options, row, error);
      }
    }
    await ledger.postpone(unasked.map(toPutOff));
    try {
      await send(readable);
      limit = maxRows;
      wentAtMs = performance.now();
    } catch (error) {
      if (isOutside(error)) {
        await ledger.postpone(readable.map(({ row }) => toPutOff(row)));
        if (error instanceof DependencyError && error.dependency === 'postgres') await suspect(readable, error);
        throw error;
      }
      await sendOneByOne(readable, error);
    }
  }

  /** Postgres took the postponement: it is up, and a statement about one of these rows may be what it cannot do. */
  async function suspect(readable: readonly Readable[], error: unknown): Promise<void> {
    limit = Math.max(1, Math.floor(limit / 4));
    const [only] = readable;
    if (!only || readable.length > 1 || performance.now() - wentAtMs > othersWentMs) return;
    await handleFault(options, only.row, error, only.message.event);
  }

  async function sendOneByOne(readable: readonly Readable[], cause: unknown): Promise<void> {
    const [only] = readable;
    if (only && readable.length === 1) return handleFault(options, only.row, cause, only.message.event);
    for (const one of readable) {
      try {
        await send([one]);
      } catch (error) {
        if (isOutside(error)) {
          await ledger.postpone(readable.map(({ row }) => toPutOff(row)));
          throw error;
        }
        await handleFault(options, one.row, error, one.message.event);
      }
    }
  }

  async function send(readable: readonly Readable[]): Promise<void> {
    const messages = readable.map(({ message }) => message);
    await lane.dispatch(messages, { fromWaiting: true, signal, progressed: () => {} });
    // Only now are the outcomes published: until then the waiting row made sure of them.
    await ledger.leaveWaiting(messages.map(({ event }) => event.notification_id));
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

/** Nothing that speaks of the rows: something is down, or the lane stops. */
function isOutside(error: unknown): boolean {
  return error instanceof DependencyError || error instanceof TransientError;
}

const toPutOff = (row: Due) => ({ notificationId: row.notification_id, dueInMs: retryMs });
const bytesOf = (rows: readonly Due[]): number => rows.reduce((sum, { value }) => sum + value.length, 0);

function toMessage(row: Due, event: Message['event']): Message {
  return {
    event,
    key: row.key,
    traceparent: row.traceparent ?? undefined,
    partition: row.rendered_partition,
    offset: row.rendered_offset,
    // What was never tried has been put off by nobody.
    waitsSince: row.awaits_channel ? Date.now() : row.since_ms,
    mayHaveLeft: row.reason === 'no_answer',
  };
}

/** Two messages to one person that are due together go in the order in which they came. */
function byOffset(a: Due, b: Due): number {
  return a.rendered_partition - b.rendered_partition || Number(a.rendered_offset) - Number(b.rendered_offset);
}
