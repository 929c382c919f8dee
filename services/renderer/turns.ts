// Who may use a render thread next.

/** Lends each thing to one borrower at a time, first come first served. */
export function createTurns<T>(things: readonly T[]): { use<R>(work: (thing: T) => Promise<R>): Promise<R> } {
  const free = [...things];
  const queue: ((thing: T) => void)[] = [];
  return {
    async use(work) {
      const thing = free.pop() ?? (await new Promise<T>((resolve) => queue.push(resolve)));
      try {
        return await work(thing);
      } finally {
        const next = queue.shift();
        if (next) next(thing);
        else free.push(thing);
      }
    },
  };
}
