// `posthorn replay` as an operator types it: what it prints, what it refuses and why.
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { replay } from '../../cli/replay.ts';
import { type AdminLab, startAdminLab } from '../support/admin-lab.ts';
import { auditOf } from '../support/admin-ledger.ts';
import { type CommandRunner, createCommandRunner } from '../support/command-runner.ts';
import { type ReplayLab, startReplayLab, storeRequest, toChunkRecord } from '../support/replay-lab.ts';

let lab: AdminLab;
let replays: ReplayLab;
let run: CommandRunner;

beforeAll(async () => {
  lab = await startAdminLab();
  replays = await startReplayLab(lab);
  run = createCommandRunner(replay, {
    ...inject('infrastructure'),
    DATABASE_URL: lab.databaseUrl,
    KAFKA_TOPIC_PREFIX: lab.config.kafka.topicPrefix,
    USER: 'ops',
  });
});
afterAll(async () => {
  await replays?.stop();
  await lab?.stop();
});

const idIn = (lines: string[]): string => /[0-9a-f-]{36}/.exec(lines.join('\n'))?.[0] ?? '';

it('follows a dry run to its end, says what it means and what to do next', async () => {
  expect(await run(['list'])).toEqual([expect.stringContaining('There was no replay yet')]);
  expect(await run(['--topic', 'everything'])).toEqual(['Nothing to read: no record stands between the two places.']);
  const request = await storeRequest(lab.db, ['ann', 'bob']);
  await replays.produce(lab.topics.planned.low, [toChunkRecord(request)]);

  const lines = await run(['--topic', lab.topics.planned.low.name, '--user', 'ann']);
  expect(lines[0]).toMatch(/^ordered: replay [0-9a-f-]{36} of .*notifications\.planned\.low$/);
  expect(lines).toContain('It would send to 1 person. Nothing was sent.');
  expect(lines.join('\n')).toContain('The same command with --execute sends these.');
  const id = idIn(lines);
  expect((await run(['show', id])).join('\n')).toContain('by ops (command line)');
  expect((await run(['list'])).join('\n')).toMatch(new RegExp(`${id} +planned\\.low +dry run +done +1 to send`));
  expect(await auditOf(lab.db, `replay ${id}`)).toEqual(['ops (command line) replay.ordered']);
});

it('is ordered, paused, resumed and cancelled by its id', async () => {
  const request = await storeRequest(
    lab.db,
    Array.from({ length: 30 }, (_, index) => `slow-${index}`),
  );
  await replays.produce(lab.topics.planned.medium, [toChunkRecord(request)]);
  const id = idIn(await run(['--topic', 'planned.medium', '--execute', '--rate', '1', '--detach']));
  expect(await run(['pause', id])).toEqual([expect.stringContaining('paused')]);
  expect((await run(['show', id])).at(-1)).toBe(`It is paused: \`posthorn replay resume ${id}\` goes on.`);
  await expect(run(['pause', id])).rejects.toThrow(`replay ${id} is paused`);
  await run(['resume', id]);
  expect(await run(['cancel', id])).toEqual([expect.stringContaining('cancelled')]);
  await expect(run(['resume', id])).rejects.toThrow(`replay ${id} is cancelled`);
  const actions = ['ordered', 'paused', 'resumed', 'cancelled'].map((action) => `ops (command line) replay.${action}`);
  expect((await auditOf(lab.db, `replay ${id}`)).toSorted()).toEqual(actions.toSorted());
  expect((await replays.published(lab.topics.planned.medium, id)).length).toBeLessThan(30);
});

describe('it refuses', () => {
  it.each([
    [[], 'say --topic, or list'],
    [['everything'], 'say --topic, or list'],
    [['--topic', 'nothing'], "There is no topic 'nothing'"],
    [['--from', '2h'], 'Which topic?'],
    [['--topic', 'planned.low', '--from', 'noon'], "'noon' is none of"],
    [['--topic', 'planned.low', '--rate', 'fast'], 'a whole number from 1'],
    [['--topic', 'planned.low', '--resend'], '--resend sends, so it goes with --execute'],
    [['--topic', 'planned.low', '--execute', '--resend', '--reason', 'x y z'], '--as is missing'],
    [['--topic', 'planned.low', '--unknown'], "Unknown option '--unknown'"],
    [['show'], 'which replay?'],
    [['show', 'one'], "there is no replay 'one'"],
    [['cancel', '00000000-0000-4000-8000-000000000000'], 'there is no replay'],
  ])('%j', async (args, words) => {
    await expect(run(args)).rejects.toThrow(words);
  });

  it('a second sending by somebody who is no admin, and one of everybody', async () => {
    const operator = await lab.logIn('operator');
    const admin = await lab.logIn('admin');
    const wish = ['--topic', 'planned.low', '--execute', '--resend', '--reason', 'wrong link'];
    await expect(run([...wish, '--as', operator.name])).rejects.toThrow('no log-in with the role admin');
    const execute = ['--topic', 'planned.low', '--execute', '--as'];
    await expect(run([...execute, 'nobody'])).rejects.toThrow('no log-in with the role operator or admin');
    await expect(run([...wish, '--as', admin.name])).rejects.toThrow('for one request, one template or one person');
    await expect(run([...wish, '--as', admin.name, '--user', 'a', '--ended', 'lost'])).rejects.toThrow(
      "'lost' is none",
    );
  });
});
