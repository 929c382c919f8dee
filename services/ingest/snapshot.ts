// A small table from elsewhere, read whole and kept for a while, so that no request asks for it alone.

export interface Snapshot<T> {
  /** At most `keptMs` old, or `maxAgeMs` where that is less. @throws what reading throws */
  get(maxAgeMs?: number): Promise<T>;
}

interface Options<T> {
  read(): Promise<T>;
  keptMs: number;
  /** After a failure nothing is asked for so long; everybody gets the same error. */
  failedForMs: number;
  now?: () => number;
}

export function createSnapshot<T>({ read, keptMs, failedForMs, now = Date.now }: Options<T>): Snapshot<T> {
  let current: { value: T; atMs: number } | undefined;
  let failure: { error: unknown; atMs: number } | undefined;
  let reading: Promise<T> | undefined;

  const refresh = async (): Promise<T> => {
    const atMs = now();
    try {
      const value = await read();
      current = { value, atMs };
      failure = undefined;
      return value;
    } catch (error) {
      failure = { error, atMs: now() };
      throw error;
    } finally {
      reading = undefined;
    }
  };

  return {
    async get(maxAgeMs = keptMs) {
      const nowMs = now();
      if (current && nowMs - current.atMs < Math.min(keptMs, maxAgeMs)) return current.value;
      if (failure && nowMs - failure.atMs < failedForMs) throw failure.error;
      reading ??= refresh();
      return reading;
    },
  };
}
