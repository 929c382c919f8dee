// Wires the dispatcher: for each priority a lane with connections, a breaker and a waiting loop of its own; and the lane
// that takes into the ledger what ended at earlier stages.

import type { Channel } from '../../domain/ids.ts';
import type { Db } from '../../lib/db/database.ts';
import type { Running, ServiceContext } from '../../lib/lifecycle.ts';
import { startStageProcess } from '../../lib/stage-process.ts';
import { type Priority, priorities } from '../../lib/topics.ts';
import type { DispatcherConfig } from './config.ts';
import { createDispatchStage } from './dispatch-stage.ts';
import { createDispatcherMetrics, type DispatcherMetrics } from './dispatcher-metrics.ts';
import { HoldWatch } from './hold-watch.ts';
import { startHousekeeping } from './housekeeping.ts';
import { Lane, type LaneOptions } from './lane.ts';
import { createLedger } from './ledger.ts';
import { createOutcomesStage } from './outcomes.ts';
import { Breaker } from './transports/breaker.ts';
import { ConnectionShare } from './transports/connection-share.ts';
import { createRateLimit, type RateLimit } from './transports/rate.ts';
import { createGrantSource } from './transports/rate-grants.ts';
import { createSmsTransport } from './transports/sms.ts';
import { createSmtpTransport } from './transports/smtp.ts';
import { SmtpPool } from './transports/smtp-pool.ts';
import type { Transport } from './transports/transport.ts';
import { startWaitingLoop } from './waiting.ts';
import { startWakeLoop } from './wake-loop.ts';

export function startDispatcher(config: DispatcherConfig, context: ServiceContext): Promise<Running> {
  return startStageProcess('dispatcher', config, context, (parts) => {
    const { topics, db, codec, publisher, logger } = parts;
    const ledger = createLedger(db);
    const metrics = createDispatcherMetrics(parts.metrics);
    const holds = new HoldWatch(ledger, logger);
    const limits = createRateLimits(config, db);
    const share = new ConnectionShare();
    const chosen = priorities.filter((priority) => !config.lanes || config.lanes.includes(priority));
    const lanes = chosen.map((priority) => {
      const input = topics.rendered[priority];
      const transports = createTransports(priority, { config, limits, metrics, share });
      const common = { priority, input, ledger, codec, logger: logger.child({ stage: 'dispatcher', priority }) };
      const { maxWaitingBytes } = config;
      const others = { outcomes: topics.outcomes, publisher, transports, metrics, holds, maxWaitingBytes };
      const lane = new Lane({ ...common, ...others });
      return { priority, lane, transports, waiting: startWaitingLoop({ ...common, lane, topics, publisher, metrics }) };
    });
    const waking = startWakeLoop({
      ledger,
      logger,
      onWoken: () => {
        for (const { waiting } of lanes) waiting.look();
      },
    });
    const housekeeping = startHousekeeping(ledger, logger);
    return {
      stages: [
        ...lanes.flatMap(({ priority, lane }) =>
          topics.lanes.dispatcher
            .filter(({ name }) => name === priority)
            .map((topic) => ({
              ...createDispatchStage(topic, lane, toSliceSize(config)),
              answerWithinMs: config.smtp.answerTimeoutMs,
            })),
        ),
        createOutcomesStage(topics.lanes.outcomes, { ledger, metrics }),
      ],
      waitingFor: () =>
        lanes.flatMap(({ transports }) =>
          Object.values(transports).flatMap(({ breaker }) => (breaker.isDown ? [breaker.waitsFor] : [])),
        ),
      async stop() {
        housekeeping.stop();
        await Promise.all([waking.stop(), ...lanes.flatMap(({ lane, waiting }) => [waiting.stop(), lane.stop()])]);
        for (const { transports } of lanes) for (const transport of Object.values(transports)) transport.stop();
      },
    };
  });
}

function createTransports(
  priority: Priority,
  parts: { config: DispatcherConfig; limits: RateLimits; metrics: DispatcherMetrics; share: ConnectionShare },
): LaneOptions['transports'] {
  const { config, limits, metrics, share } = parts;
  const now = () => performance.now();
  const parallel = config.smtpConnections[priority];
  const email = new Breaker('mail-server', now);
  const sms = new Breaker('sms-gateway', now);
  metrics.watchBreaker(priority, 'email', () => email.isDown);
  metrics.watchBreaker(priority, 'sms', () => sms.isDown);
  const pool = new SmtpPool({
    smtp: config.smtp,
    maxConnections: parallel,
    maxMessagesPerConnection: config.smtpMessagesPerConnection,
    idleCloseMs: config.smtpIdleMs,
    share,
    rank: priorities.indexOf(priority),
    onConnectionCount: (count) => metrics.smtpConnections(priority, count),
  });
  return {
    email: createSmtpTransport({ pool, breaker: email, parallel, sender: config.sender, ...toTurn(limits.email) }),
    sms: createSmsTransport({
      settings: config.sms,
      breaker: sms,
      parallel: config.smsConnections,
      ...toTurn(limits.sms),
    }),
  };

  function toTurn(limit: RateLimit | undefined): { turn?: NonNullable<Transport['turn']> } {
    return limit ? { turn: (waiting) => limit.take(priority, waiting) } : {};
  }
}

/** Under a rate limit a slice is a few seconds of work, so that a lane which has to leave its partitions soon can. */
function toSliceSize({ ratePerSecond: { email, sms } }: DispatcherConfig): number {
  return Math.max(20, 2 * Math.min(email ?? Number.POSITIVE_INFINITY, sms ?? Number.POSITIVE_INFINITY));
}

type RateLimits = Record<Channel, RateLimit | undefined>;

/** One for each transport and process: its lanes share it, and all processes share what stands behind it. */
function createRateLimits({ ratePerSecond }: DispatcherConfig, db: Db): RateLimits {
  const create = (transport: Channel): RateLimit | undefined => {
    const perSecond = ratePerSecond[transport];
    return perSecond === undefined
      ? undefined
      : createRateLimit({ perSecond, source: createGrantSource(db, transport) });
  };
  return { email: create('email'), sms: create('sms') };
}
