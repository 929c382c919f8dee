// Carries out what the guards of a lane find, and keeps `waiting` within its bound: a hold in the ledger, a line in the log and a number.
import { guardAuthor, laneOf } from '../../domain/holds.ts';
import type { Channel } from '../../domain/ids.ts';
import { describeError } from '../../lib/errors.ts';
import type { NewHold } from '../../lib/holds/place-hold.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Priority } from '../../lib/topics.ts';
import { type Judged, toDetail } from './dispatch.ts';
import type { DispatcherMetrics } from './dispatcher-metrics.ts';
import { firstHoldMs, Guard, type GuardHold } from './guard.ts';
import type { Ledger } from './ledger.ts';
import { type Claimed, toRefused } from './messages.ts';

/** Of what may wait: a mailing with less is not the one that fills `waiting`. */
const largeShare = 1 / 4;
const leastLargeBytes = 1024 * 1024;

export interface GuardHoldsOptions {
  priority: Priority;
  maxWaitingBytes: number;
  ledger: Pick<Ledger, 'placeHold' | 'findFullest'>;
  metrics: Pick<DispatcherMetrics, 'guardHold'>;
  logger: Logger;
}

export class GuardHolds {
  readonly #options: GuardHoldsOptions;
  readonly #guards: Record<Channel, Guard> = { email: new Guard(), sms: new Guard() };
  #placing: Promise<void>[] = [];

  constructor(options: GuardHoldsOptions) {
    this.#options = options;
  }

  of(channel: Channel): Guard {
    return this.#guards[channel];
  }

  /** An answer that decides nothing yet. */
  refused(claim: Claimed, judgement: Extract<Judged, { kind: 'transport' | 'doubted' }>): void {
    if (judgement.kind === 'doubted') this.#count(claim, 'message', judgement.detail);
    // What is temporary about the transport needs no hold: while nothing gets through the breaker keeps the lane waiting.
    else if (judgement.isRefusal) this.#count(claim, 'us', judgement.detail);
  }

  /** What became of a message. */
  concluded(claim: Claimed, judgement: Judged): void {
    switch (judgement.kind) {
      case 'failed':
        this.#count(claim, 'recipient', judgement.detail);
        break;
      case 'deferred':
      case 'no_answer':
      case 'transport':
        this.#count(claim, 'message', judgement.detail);
        break;
      // Counted when it was answered.
      case 'doubted':
      case 'sent':
      case 'cancelled':
        break;
    }
  }

  /** More of the lane waits than may: no more is tried of the request that has most of it, if that is much. */
  async full(): Promise<void> {
    const { priority, ledger, maxWaitingBytes, metrics, logger } = this.#options;
    try {
      const fullest = await ledger.findFullest(priority, Math.max(maxWaitingBytes * largeShare, leastLargeBytes));
      if (!fullest) return;
      const { requestId: subject, channel, count, bytes } = fullest;
      const reason = `${count} of its messages wait for another try (${toMegabytes(bytes)} MB), and the ${priority} lane holds no more`;
      const isNew = await this.#placeInLedger({ scope: 'request', subject, endsInMs: firstHoldMs }, reason);
      if (isNew) metrics.guardHold(priority, channel, 'request');
    } catch (error) {
      logger.error({ err: error }, `the guard cannot see whether too much waits: ${describeError(error)}`);
    }
  }

  /** Resolves when all that was found is written down, or could not be. */
  async settled(): Promise<void> {
    await Promise.all(this.#placing.splice(0));
  }

  #count(claim: Claimed, speaksOf: Parameters<Guard['refused']>[1], detail: string): void {
    const { channel } = claim.message.event;
    const found = this.#guards[channel].refused(toRefused(claim), speaksOf, Date.now());
    if (found) this.#placing.push(this.#place(channel, found, detail));
  }

  async #place(channel: Channel, found: GuardHold, detail: string): Promise<void> {
    const { priority, metrics, logger } = this.#options;
    const { scope, count, endsInMs } = found;
    const subject = scope === 'lane' ? laneOf(priority, channel) : found.subject;
    const reason = `${count} messages in a row were refused or put off and none got through; the last answer: ${toDetail(detail)}`;
    try {
      if (await this.#placeInLedger({ scope, subject, endsInMs }, reason)) metrics.guardHold(priority, channel, scope);
    } catch (error) {
      this.#guards[channel].notHeld(found);
      logger.error({ err: error, scope, subject }, `the guard cannot place its hold: ${describeError(error)}`);
    }
  }

  /** @returns whether it is new */
  async #placeInLedger(hold: Pick<NewHold, 'scope' | 'subject' | 'endsInMs'>, reason: string): Promise<boolean> {
    const { ledger, logger } = this.#options;
    const isNew = await ledger.placeHold({ ...hold, author: guardAuthor, reason });
    if (isNew) logger.warn(hold, `the guard holds: ${reason}`);
    return isNew;
  }
}

const toMegabytes = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
