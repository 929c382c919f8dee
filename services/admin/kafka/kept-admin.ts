// Kafka's admin connection for the pages: opened when first needed, kept while people look, closed when nobody does.
import { DependencyError } from '../../../lib/errors.ts';
import type { Admin, Kafka } from '../../../lib/kafka/client.ts';
import { toKafkaDown } from '../../../lib/kafka/kafka-down.ts';
import { within } from '../../../lib/kafka/within.ts';

export interface KeptAdmin {
  /** @throws DependencyError('kafka') when the work fails or takes longer than the limit (10 s unless told) */
  use<T>(work: (admin: Admin) => Promise<T>, limitMs?: number): Promise<T>;
  stop(): Promise<void>;
}

const unusedForMs = 3 * 60_000;
const disconnectWithinMs = 2_000;

export function createKeptAdmin(kafka: Kafka): KeptAdmin {
  let kept: Promise<Admin> | undefined;
  let closing: NodeJS.Timeout | undefined;
  let userCount = 0;
  let stopped = false;

  async function open(): Promise<Admin> {
    const admin = kafka.admin();
    await admin.connect();
    return admin;
  }

  async function close(): Promise<void> {
    const closed = kept;
    kept = undefined;
    clearTimeout(closing);
    if (closed)
      await within(
        disconnectWithinMs,
        closed.then((admin) => admin.disconnect()),
      ).catch(() => {});
  }

  return {
    async use(work, limitMs = 10_000) {
      if (stopped) throw new DependencyError('kafka', 'this service is stopping');
      clearTimeout(closing);
      userCount += 1;
      kept ??= open();
      const used = kept;
      try {
        return await within(limitMs, used.then(work));
      } catch (cause) {
        // Whatever it was, the next one begins with a connection that is whole.
        if (kept === used) void close();
        throw toKafkaDown(cause, 'Kafka does not answer');
      } finally {
        userCount -= 1;
        if (userCount === 0 && !stopped) closing = setTimeout(() => void close(), unusedForMs).unref();
      }
    },
    async stop() {
      stopped = true;
      await close();
    },
  };
}
