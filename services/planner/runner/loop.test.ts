import { expect, it } from 'vitest';
import { DependencyError } from '../../../lib/errors.ts';
import { LaneStatus } from '../../../lib/kafka/lane-status.ts';
import { createLogger } from '../../../lib/logger.ts';
import { eventually } from '../../../tests/support/eventually.ts';
import { startLoop } from './loop.ts';

const logger = createLogger({ service: 'test', level: 'silent' });

it('goes on after a bug and after an outage, tells both as long as they last, and ends when it is told to', async () => {
  const status = new LaneStatus(logger);
  status.joined();
  const stopping = new AbortController();
  const errors: unknown[] = [];
  const noting = Object.assign(Object.create(logger), { error: (line: { err: unknown }) => errors.push(line.err) });
  let rounds = 0;
  let fault: Error | undefined = new TypeError('a bug');
  const work = async () => {
    rounds++;
    if (fault) throw fault;
    return false;
  };
  const loop = startLoop({ name: 'test', everyMs: 1, work, status, logger: noting, signal: stopping.signal });
  await eventually(() => rounds > 0 && loop.hasBug(), 'the bug is told');
  expect(errors).toEqual([fault]);

  fault = new DependencyError('user-service', 'down');
  await eventually(() => status.waitingFor === 'user-service', 'the outage is told');
  fault = undefined;
  await eventually(() => status.waitingFor === undefined && !loop.hasBug(), 'all is well again');
  stopping.abort();
  await loop.ended;
  const last = rounds;
  await new Promise((resolve) => setImmediate(resolve));
  expect(rounds).toBe(last);
});
