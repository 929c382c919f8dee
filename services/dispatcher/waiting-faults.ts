// Rows of `waiting` that cannot be dispatched for their own sake: tried again a few times, by this release or the next, and then
// ended with a reason, their record kept among the dead letters. Otherwise their mailing would never end.
import { describeError, PermanentError, PosthornError } from '../../lib/errors.ts';
import type { NotificationRendered } from '../../lib/events.ts';
import { toDeadLetter } from '../../lib/kafka/dead-letter.ts';
import { headerNames } from '../../lib/kafka/headers.ts';
import type { Publisher, RawRecord } from '../../lib/kafka/publisher.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Priority, Topic, Topics } from '../../lib/topics.ts';
import { toDetail } from './dispatch.ts';
import type { DispatcherMetrics } from './dispatcher-metrics.ts';
import type { Due } from './ledger/types.ts';
import type { Ledger } from './ledger.ts';
import { failRendered } from './messages.ts';

export interface WaitingFaultsOptions {
  priority: Priority;
  input: Topic<'NotificationRendered'>;
  topics: Topics;
  ledger: Pick<Ledger, 'postpone' | 'endUnreadable'>;
  publisher: Pick<Publisher, 'publish' | 'publishRaw'>;
  metrics: Pick<DispatcherMetrics, 'ended' | 'waitingUnreadable'>;
  logger: Logger;
}

const maxFaults = 3;
const retryMs = 10 * 60_000;

/**
 * @param event where the row could be read
 * @throws DependencyError when that cannot be written down: the row stays as it is
 */
export async function handleFault(
  options: WaitingFaultsOptions,
  row: Due,
  error: unknown,
  event?: NotificationRendered,
): Promise<void> {
  const { priority, ledger, publisher, topics, metrics, logger } = options;
  const { notification_id: notificationId, month } = row;
  if (row.fault_count + 1 < maxFaults) {
    logger.error({ err: error, notificationId }, 'a message that waits cannot be dispatched; it is tried again');
    return ledger.postpone([{ notificationId, dueInMs: retryMs, isFault: true }]);
  }
  const cause = { code: error instanceof PosthornError ? error.code : 'bug', message: describeError(error) };
  await putAside(options, row, cause);
  if (event) {
    const outcomes = failRendered(event, cause, Date.now());
    await publisher.publish(
      outcomes.map((outcome) => ({ topic: topics.outcomes, key: outcome.user_id, event: outcome })),
    );
  }
  for (const { state, reason } of await ledger.endUnreadable([
    { notificationId, month, detail: toDetail(cause.message) },
  ])) {
    metrics.ended(priority, state, reason);
  }
  metrics.waitingUnreadable(priority, 1);
  logger.error(
    { err: error, notificationId },
    'a message that waited can never be dispatched: it is put aside and ends',
  );
}

async function putAside(
  { input, topics, publisher }: WaitingFaultsOptions,
  row: Due,
  cause: { code: string; message: string },
) {
  const { traceparent, rendered_partition: partition, rendered_offset: offset } = row;
  const message = {
    key: Buffer.from(row.key),
    value: row.value,
    headers: traceparent === null ? {} : { [headerNames.traceparent]: traceparent },
    offset,
    timestamp: '0',
    attributes: 0,
  };
  const letter: RawRecord = toDeadLetter(
    topics,
    'dispatcher',
    { topic: input.name, partition, message },
    cause,
    Date.now(),
  );
  try {
    await publisher.publishRaw([letter]);
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    // Too large with its cause: the headers still tell where the record stands.
    await publisher.publishRaw([{ ...letter, value: null }]);
  }
}
