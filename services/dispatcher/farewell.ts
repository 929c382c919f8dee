// A lane that has to stop waits for the answers of bodies that have left, but not for ever.
import { TransientError } from '../../lib/errors.ts';

/** Less than a supervisor waits before it kills. */
const farewellMs = 8_000;

/**
 * @throws TransientError('stopping') when the work has not ended some seconds after the signal. What has no answer by then
 *   is settled by nobody here: its lease runs out, as after a kill.
 */
export function withFarewell<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      timer = setTimeout(
        () => reject(new TransientError('stopping', 'the lane stops before all answers have come')),
        farewellMs,
      );
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
      clearTimeout(timer);
    });
  });
}
