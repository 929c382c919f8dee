// Carries out what the guards of a lane find: a hold in the ledger, a line in the log and a number.
import { guardAuthor, laneOf } from '../../domain/holds.ts';
import type { Channel } from '../../domain/ids.ts';
import { describeError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Priority } from '../../lib/topics.ts';
import { type Judged, toDetail } from './dispatch.ts';
import type { DispatcherMetrics } from './dispatcher-metrics.ts';
import { Guard, type GuardHold } from './guard.ts';
import type { Ledger } from './ledger.ts';
import { type Claimed, toRefused } from './messages.ts';

export interface GuardHoldsOptions {
  priority: Priority;
  ledger: Pick<Ledger, 'placeHold'>;
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
    const { priority, ledger, metrics, logger } = this.#options;
    const { scope, count, endsInMs } = found;
    const subject = scope === 'lane' ? laneOf(priority, channel) : found.subject;
    const reason = `${count} messages in a row were refused or put off and none got through; the last answer: ${toDetail(detail)}`;
    try {
      const isNew = await ledger.placeHold({ scope, subject, author: guardAuthor, reason, endsInMs });
      if (!isNew) return;
      metrics.guardHold(priority, channel, scope);
      logger.warn({ scope, subject, endsInMs }, `the guard holds: ${reason}`);
    } catch (error) {
      this.#guards[channel].notHeld(found);
      logger.error({ err: error, scope, subject }, `the guard cannot place its hold: ${describeError(error)}`);
    }
  }
}
