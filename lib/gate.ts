// Bounds work that anybody can ask for and that is dear: some of it runs, some waits, and the rest is refused at once.

export interface Gate {
  /**
   * @param isUrgent has its turn before all that is not, and a queue of its own that they cannot fill
   * @returns undefined when as much waits already as may; else what the work gives, in its turn
   */
  run<T>(work: () => Promise<T>, isUrgent?: boolean): Promise<T> | undefined;
}

export function createGate({ maxRunning, maxWaiting }: { maxRunning: number; maxWaiting: number }): Gate {
  const waiting: (() => void)[] = [];
  const urgent: (() => void)[] = [];
  let running = 0;

  async function runInTurn<T>(work: () => Promise<T>, queue: (() => void)[]): Promise<T> {
    if (running < maxRunning) running += 1;
    // Whoever ends hands its place on, so that `running` stays as it is.
    else await new Promise<void>((begin) => queue.push(begin));
    try {
      return await work();
    } finally {
      const begin = urgent.shift() ?? waiting.shift();
      if (begin) begin();
      else running -= 1;
    }
  }

  return {
    run(work, isUrgent = false) {
      const queue = isUrgent ? urgent : waiting;
      return running >= maxRunning && queue.length >= maxWaiting ? undefined : runInTurn(work, queue);
    },
  };
}
