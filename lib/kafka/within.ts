// A limit for what kafkajs does: against a broker that is frozen, not gone, it tries for minutes.

/**
 * What is given up goes on behind the scenes; how it ends is not heard any more.
 * @throws Error after `limitMs`; whatever else the work throws
 */
export async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const { promise: limit, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  work.catch(() => {});
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
