// Planner, enricher, renderer and dispatcher are killed, each once, while requests for 2,000 people come in.
import { expect } from 'vitest';
import { eventually } from './eventually.ts';
import type { House } from './house.ts';
import { findReachable } from './people.ts';

const listCount = 10;
const listPersonCount = 200;
/** Per lane of a dispatcher: sends in flight (its kept connections) and answers not yet settled (docs/reliability.md). */
const windowPerLane = 20 + 100;
/** A lease of 60 s has to end, and Kafka takes 30 s to believe that a member is dead. */
const doneWithinMs = 120_000;

/** Fails unless everybody gets the mail, and nobody twice but for the honest window. */
export async function killUnderLoad({ system, mail }: House): Promise<void> {
  const { services } = system.launched;
  const people = findReachable(listCount * listPersonCount, 10_000);
  const lists = Array.from({ length: listCount }, (_, index) =>
    people.slice(index * listPersonCount, (index + 1) * listPersonCount),
  );
  const waitingLists = [...lists.entries()];
  const requestIds: string[] = [];
  const sendNext = async () => {
    const [index, list] = waitingLists.shift() ?? [0, []];
    const priority = index % 2 === 0 ? 'low' : 'medium';
    const user_ids = list.map(({ id }) => id);
    requestIds.push(await system.ingest.send({ template_id: 'plain', priority, user_ids }));
  };

  const before = mail.mails.length;
  // First the dispatcher, in the middle of sending, where a break can cost a repeat: its leases are the longest wait.
  await Promise.all([sendNext(), sendNext(), sendNext(), sendNext()]);
  await eventually(() => mail.mails.length > before + 20, 'the dispatcher sends', 60_000);
  services.kill('dispatcher', 'SIGKILL');
  const isUnderWay = mail.mails.length < before + 4 * listPersonCount;
  expect(isUnderWay, 'the dispatcher was killed before it had sent everything').toBe(true);
  for (const name of ['planner', 'enricher', 'renderer'] as const) {
    await Promise.all([sendNext(), sendNext()]);
    const pid = services.pid(name);
    services.kill(name, 'SIGKILL');
    await eventually(() => services.pid(name) !== undefined && services.pid(name) !== pid, `${name} is started again`);
  }

  for (const requestId of requestIds) {
    const done = await system.ingest.untilDone(requestId, doneWithinMs);
    expect(done).toMatchObject({ planned: listPersonCount, sent: listPersonCount, reasons: [] });
  }
  const mails = mail.mails.slice(before);
  expect(new Set(mails.map(({ to }) => to))).toEqual(new Set(people.map(({ email }) => email)));
  const messageIds = mails.map(({ messageId }) => messageId);
  expect(new Set(messageIds).size).toBe(people.length);
  const repeats = [...mail.doubles()].filter(([messageId]) => messageIds.includes(messageId));
  expect(
    repeats.filter(([, count]) => count > 2),
    'mails that came more than twice',
  ).toEqual([]);
  expect(repeats.length).toBeLessThanOrEqual(2 * windowPerLane);
}
