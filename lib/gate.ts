// Bounds work that anybody can ask for and that is dear: some of it runs, some waits, and the rest is refused at once.

export interface Gate {
  /** @returns undefined when as much waits already as may; else what the work gives, in its turn */
  run<T>(work: () => Promise<T>): Promise<T> | undefined;
}

export function createGate({ maxRunning, maxWaiting }: { maxRunning: number; maxWaiting: number }): Gate {
  const waiting: (() => void)[] = [];
  let running = 0;

  async function runInTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running < maxRunning) running += 1;
    // Whoever ends hands its place on, so that `running` stays as it is.
    else await new Promise<void>((begin) => waiting.push(begin));
    try {
      return await work();
    } finally {
      const begin = waiting.shift();
      if (begin) begin();
      else running -= 1;
    }
  }

  return {
    run: (work) => (running >= maxRunning && waiting.length >= maxWaiting ? undefined : runInTurn(work)),
  };
}
