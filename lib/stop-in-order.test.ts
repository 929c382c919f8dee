import { describe, expect, it } from 'vitest';
import { stopInOrder } from './stop-in-order.ts';

function listen() {
  const warnings: string[] = [];
  return { warnings, logger: { warn: (line: string) => void warnings.push(line) } as never };
}
const never = () => new Promise(() => {});

describe('stopping in order', () => {
  it('takes one step after the other', async () => {
    const { logger, warnings } = listen();
    const done: string[] = [];
    const step = (what: string) => ({
      what,
      async stop() {
        done.push(`${what} begins`);
        await Promise.resolve();
        done.push(`${what} ends`);
      },
    });
    await stopInOrder([step('a'), step('b')], logger);
    expect(done).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
    expect(warnings).toEqual([]);
  });

  it('leaves behind what does not end, says so, and still takes the other steps', async () => {
    const { logger, warnings } = listen();
    let closed = false;
    await stopInOrder(
      [
        { what: 'the lanes', stop: never },
        { what: 'the connection', stop: () => (closed = true) },
      ],
      logger,
      50,
    );
    expect(closed).toBe(true);
    expect(warnings).toEqual(['the lanes did not end within 50 ms and is left behind']);
  });

  it('gives a step no more than its own limit', async () => {
    const { logger, warnings } = listen();
    await stopInOrder([{ what: 'the database', stop: never, limitMs: 20 }], logger, 60_000);
    expect(warnings).toEqual(['the database did not end within 20 ms and is left behind']);
  });

  it('throws what a step throws only after the others', async () => {
    const { logger } = listen();
    let closed = false;
    const steps = [
      { what: 'a', stop: () => Promise.reject(new Error('a broke')) },
      { what: 'b', stop: () => (closed = true) },
    ];
    await expect(stopInOrder(steps, logger)).rejects.toThrow('a broke');
    expect(closed).toBe(true);
  });
});
