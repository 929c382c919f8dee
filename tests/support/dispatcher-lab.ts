// A dispatcher's lane on a real Postgres and a mail server of the test's choice. Kafka's place is taken by a list, so that
// a test can hand in a slice twice, or stop in the middle, as the broker would.
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { DependencyError } from '../../lib/errors.ts';
import type { NotificationOutcome, NotificationRendered } from '../../lib/events.ts';
import type { RawRecord } from '../../lib/kafka/publisher.ts';
import type { Outgoing } from '../../lib/kafka/stage.ts';
import { createMetrics } from '../../lib/metrics.ts';
import { createTopics } from '../../lib/topics.ts';
import { createDispatcherMetrics } from '../../services/dispatcher/dispatcher-metrics.ts';
import { HoldWatch } from '../../services/dispatcher/hold-watch.ts';
import { Lane } from '../../services/dispatcher/lane.ts';
import type { Ledger } from '../../services/dispatcher/ledger.ts';
import { Breaker } from '../../services/dispatcher/transports/breaker.ts';
import { createSmsTransport } from '../../services/dispatcher/transports/sms.ts';
import { createSmtpTransport } from '../../services/dispatcher/transports/smtp.ts';
import { SmtpPool } from '../../services/dispatcher/transports/smtp-pool.ts';
import { startWaitingLoop, type WaitingLoop } from '../../services/dispatcher/waiting.ts';
import { startWakeLoop } from '../../services/dispatcher/wake-loop.ts';
import { eventually } from './eventually.ts';
import { type LedgerLab, toMessage, useLedgerLab } from './ledger-lab.ts';

export interface DispatcherLab extends LedgerLab {
  lane: Lane;
  outcomes: NotificationOutcome[];
  /** Without what a test has put before it. */
  innerLedger: Ledger;
  /** What the waiting loop has put aside. */
  deadLetters: readonly RawRecord[];
  /** `state reason attempt` of every outcome told about it, in order. */
  told(event: { notification_id: string }): string[];
  dispatch(events: readonly NotificationRendered[], signal?: AbortSignal): Promise<void>;
  /** Starts the loop that sends what waits, and the one that wakes it; stopped with the test. */
  startWaiting(heir?: Lane): WaitingLoop;
  /** Another dispatcher on the same database. */
  createLane(changes?: { ledger?: Ledger; smtpUrl?: string }): Lane;
}

const json = {
  encode: (_topic: unknown, event: unknown) => Buffer.from(JSON.stringify(event)),
  decode: async (_topic: unknown, value: Buffer) => JSON.parse(value.toString()),
};

export interface DispatcherLabOptions {
  smtpUrl: string;
  smsUrl?: string;
  login?: { user: string; pass: string };
  connections?: number;
  answerTimeoutMs?: number;
  maxWaitingBytes?: number;
  /** In place of the codec's, for what waits. */
  decode?: (topic: unknown, value: Buffer) => Promise<unknown>;
  /** Puts something between the lane and the ledger, such as an outage. */
  ledger?: (ledger: Ledger) => Ledger;
}

/** As useLedgerLab, with a lane. */
export function useDispatcherLab(): (options: DispatcherLabOptions) => Promise<DispatcherLab> {
  const open = useLedgerLab();
  return async (options) => createDispatcherLab(await open(), options);
}

function createDispatcherLab(ledgerLab: LedgerLab, options: DispatcherLabOptions): DispatcherLab {
  const topics = createTopics();
  const outcomes: NotificationOutcome[] = [];
  const ledger = options.ledger?.(ledgerLab.ledger) ?? ledgerLab.ledger;
  const logger = pino({ level: 'silent' });
  const loops: WaitingLoop[] = [];
  const deadLetters: RawRecord[] = [];
  const publisher = {
    publish: async (records: readonly Outgoing[]) => {
      for (const { event } of records) outcomes.push(event as NotificationOutcome);
    },
    publishRaw: async (records: readonly RawRecord[]) => void deadLetters.push(...records),
  };
  const metrics = createDispatcherMetrics(createMetrics('dispatcher'));

  function createLane(changes: { ledger?: Ledger; smtpUrl?: string } = {}): Lane {
    const { hostname, port } = new URL(changes.smtpUrl ?? options.smtpUrl);
    const parallel = options.connections ?? 4;
    const pool = new SmtpPool({
      smtp: {
        host: hostname,
        port: Number(port),
        secure: false,
        tls: options.login ? 'required' : 'opportunistic',
        verifyCertificate: false,
        login: options.login,
        connectTimeoutMs: 1_000,
        answerTimeoutMs: options.answerTimeoutMs ?? 5_000,
      },
      maxConnections: parallel,
      maxMessagesPerConnection: 1_000,
      idleCloseMs: 60_000,
    });
    const now = () => performance.now();
    const created = new Lane({
      priority: 'low',
      input: topics.rendered.low,
      outcomes: topics.outcomes,
      ledger: changes.ledger ?? ledger,
      holds: new HoldWatch(changes.ledger ?? ledger, logger),
      codec: json,
      publisher,
      maxWaitingBytes: options.maxWaitingBytes ?? 64 * 1024 * 1024,
      transports: {
        email: createSmtpTransport({
          pool,
          parallel,
          breaker: new Breaker('mail-server', now),
          sender: {
            mailFrom: 'Posthorn <no-reply@sender.example>',
            envelopeFrom: 'no-reply@sender.example',
            mailDomain: 'sender.example',
          },
        }),
        sms: createSmsTransport({
          settings: { url: options.smsUrl ?? 'http://127.0.0.1:9/sms', token: 'secret', timeoutMs: 1_000 },
          breaker: new Breaker('sms-gateway', now),
          parallel,
        }),
      },
      metrics,
      logger,
    });
    // The connections end first, and with them what is under way.
    onTestFinished(() => created.stop());
    onTestFinished(() => pool.stop());
    return created;
  }

  const lane = createLane();
  return {
    ...ledgerLab,
    ledger,
    innerLedger: ledgerLab.ledger,
    lane,
    outcomes,
    deadLetters,
    createLane,
    told: ({ notification_id }) =>
      outcomes
        .filter((outcome) => outcome.notification_id === notification_id)
        .map(({ state, reason, attempt }) => `${state} ${reason} ${attempt}`.replace('  ', ' ')),
    dispatch: (events, signal = new AbortController().signal) =>
      lane.dispatch(events.map(toMessage), { fromWaiting: false, signal, progressed: () => {} }),
    startWaiting(heir = lane) {
      const loop = startWaitingLoop({
        priority: 'low',
        input: topics.rendered.low,
        lane: heir,
        ledger,
        topics,
        publisher,
        metrics,
        codec: { ...json, ...(options.decode ? { decode: options.decode } : {}) } as never,
        logger,
        everyMs: 20,
      });
      const waking = startWakeLoop({ ledger, logger, everyMs: 20, onWoken: () => loop.look() });
      loops.push(loop);
      onTestFinished(async () => {
        await Promise.all([loop.stop(), waking.stop()]);
      });
      return loop;
    },
  };
}

/** As the runtime does: what waits for something outside is tried until it is there. */
export async function untilItWorks(work: () => Promise<void>): Promise<number> {
  let pauses = 0;
  await eventually(async () => {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      pauses += 1;
      return false;
    }
  }, 'it works again');
  return pauses;
}
