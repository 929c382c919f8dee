// What the dispatcher counts besides what every stage does.
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Channel } from '../../domain/ids.ts';
import { reasons } from '../../domain/reasons.ts';
import type { Registry } from '../../lib/metrics.ts';
import { priorities } from '../../lib/topics.ts';
import type { Settlement } from './ledger/types.ts';

export interface DispatcherMetrics {
  settled(priority: string, settlements: readonly Settlement[]): void;
  ended(priority: string, state: string, reason: string, count?: number): void;
  /** Records of paused requests that passed without a claim. */
  pausedPassed(priority: string, count: number): void;
  /** Claims of paused requests that went to wait for the end of the pause. */
  pausedParked(priority: string, count: number): void;
  /** The guard has placed a hold. */
  guardHold(priority: string, channel: Channel, scope: string): void;
  /** Messages that went to wait untried, because their channel is down. */
  channelParked(priority: string, channel: Channel, count: number): void;
  /** As last measured; asked only while a channel is down. */
  waitingBytes(priority: string, bytes: number): void;
  /** Rows of `waiting` that ended because they can never be dispatched. */
  waitingUnreadable(priority: string, count: number): void;
  smtpConnections(priority: string, count: number): void;
  /** @param isOpen read whenever the metrics are */
  watchBreaker(priority: string, channel: Channel, isOpen: () => boolean): void;
}

export function createDispatcherMetrics(registry: Registry): DispatcherMetrics {
  const registers = [registry];
  const deliveries = new Counter({
    name: 'posthorn_deliveries_total',
    help: 'Deliveries by the state and reason that they came to',
    labelNames: ['priority', 'state', 'reason'],
    registers,
  });
  // From the beginning, so that the first one of a kind is seen as an increase by whoever watches.
  for (const priority of priorities) {
    for (const [state, known] of Object.entries(reasons)) {
      for (const reason of known) deliveries.inc({ priority, state, reason }, 0);
    }
  }
  const passed = new Counter({
    name: 'posthorn_dispatcher_paused_passed_total',
    help: 'Records of paused requests that passed unclaimed; they are published again when the request goes on',
    labelNames: ['priority'],
    registers,
  });
  const parked = new Counter({
    name: 'posthorn_dispatcher_paused_parked_total',
    help: 'Deliveries of paused requests that were put off until the request goes on',
    labelNames: ['priority'],
    registers,
  });
  const channelParked = new Counter({
    name: 'posthorn_dispatcher_channel_parked_total',
    help: 'Messages that went to wait untried, because their channel is down',
    labelNames: ['priority', 'channel'],
    registers,
  });
  const waitingBytes = new Gauge({
    name: 'posthorn_dispatcher_waiting_bytes',
    help: 'Of all that waits in a lane, as last measured; measured while a channel is down',
    labelNames: ['priority'],
    registers,
  });
  const unreadable = new Counter({
    name: 'posthorn_dispatcher_waiting_unreadable_total',
    help: 'Messages that waited and ended because their record can never be dispatched',
    labelNames: ['priority'],
    registers,
  });
  for (const priority of priorities) unreadable.inc({ priority }, 0);
  const guardHolds = new Counter({
    name: 'posthorn_guard_holds_total',
    help: 'Holds that the guard has placed, because nothing got through for some dozens of messages',
    labelNames: ['priority', 'channel', 'scope'],
    registers,
  });
  for (const priority of priorities) {
    for (const channel of ['email', 'sms']) {
      for (const scope of ['request', 'template', 'lane']) guardHolds.inc({ priority, channel, scope }, 0);
    }
  }
  const seconds = new Histogram({
    name: 'posthorn_end_to_end_seconds',
    help: 'Time from the request to the acceptance by the mail server or SMS gateway',
    labelNames: ['priority'],
    buckets: [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 300, 1_800, 7_200, 86_400],
    registers,
  });
  const connections = new Gauge({
    name: 'posthorn_smtp_connections',
    help: 'Open connections to the mail server',
    labelNames: ['priority'],
    registers,
  });
  const breakers: { labels: { priority: string; channel: string }; isOpen: () => boolean }[] = [];
  new Gauge({
    name: 'posthorn_breaker_open',
    help: '1 while nothing gets through to the mail server or SMS gateway',
    labelNames: ['priority', 'channel'],
    registers,
    collect() {
      for (const { labels, isOpen } of breakers) this.set(labels, isOpen() ? 1 : 0);
    },
  });

  return {
    settled(priority, settlements) {
      for (const { state, reason, endedAtMs, requestedAtMs } of settlements) {
        deliveries.inc({ priority, state, reason });
        if (state === 'sent') seconds.observe({ priority }, Math.max(0, endedAtMs - requestedAtMs) / 1000);
      }
    },
    ended: (priority, state, reason, count = 1) => deliveries.inc({ priority, state, reason }, count),
    pausedPassed: (priority, count) => passed.inc({ priority }, count),
    pausedParked: (priority, count) => parked.inc({ priority }, count),
    channelParked: (priority, channel, count) => channelParked.inc({ priority, channel }, count),
    waitingBytes: (priority, bytes) => waitingBytes.set({ priority }, bytes),
    waitingUnreadable: (priority, count) => unreadable.inc({ priority }, count),
    guardHold: (priority, channel, scope) => guardHolds.inc({ priority, channel, scope }),
    smtpConnections: (priority, count) => connections.set({ priority }, count),
    watchBreaker: (priority, channel, isOpen) => breakers.push({ labels: { priority, channel }, isOpen }),
  };
}
