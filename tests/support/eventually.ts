// Waits for a condition; tests never sleep a fixed time. The limit is only there to tell what did not come: far longer than
// it takes on a machine that has other things to do as well.
import { setTimeout as sleep } from 'node:timers/promises';

/** @param what named in the error when the condition does not come true in time */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string),
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline)
      throw new Error(`not within ${timeoutMs} ms: ${typeof what === 'string' ? what : what()}`);
    await sleep(20);
  }
}
