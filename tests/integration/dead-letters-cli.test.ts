// What `posthorn dead-letters` says of itself: what is missing or wrong in a call, before anything is done.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { deadLetters } from '../../cli/dead-letters.ts';
import { type AdminLab, addAdminUser, startAdminLab } from '../support/admin-lab.ts';
import { addDelivery, addRequest } from '../support/admin-ledger.ts';
import { type CommandRunner, createCommandRunner } from '../support/command-runner.ts';
import type { TestEnvironment } from '../support/infrastructure.ts';
import { rendered } from '../support/ledger-lab.ts';

let lab: AdminLab;
let run: CommandRunner;
beforeAll(async () => {
  lab = await startAdminLab();
  const env: TestEnvironment = inject('infrastructure');
  const prefix = lab.config.kafka.topicPrefix;
  await addAdminUser(lab.db, 'olga', 'password of olga', ['operator']);
  await lab.db.updateTable('admin_users').set({ disabled_at: new Date() }).where('name', '=', 'olga').execute();
  await addAdminUser(lab.db, 'oscar', 'password of oscar', ['editor']);
  run = createCommandRunner(deadLetters, { ...env, DATABASE_URL: lab.databaseUrl, KAFKA_TOPIC_PREFIX: prefix });
});
afterAll(async () => {
  await lab?.stop();
});

it.each([
  [[], 'say list, show, redrive, discard or send-again'],
  [['list', '--stage', 'sender'], "there is no stage 'sender'"],
  [['list', '--state', 'old'], "there is no state 'old'"],
  [['list', '--since', 'yesterday'], "'yesterday' is neither a time nor how long ago"],
  [['list', '--colour', 'red'], '--colour'],
  [['show'], 'say which one'],
  [['show', 'planner/0'], "'planner/0' is no place of a dead letter"],
  [['show', 'planner/0/99'], 'does not keep a record there'],
  [['redrive'], 'name places, or say --all'],
  [['redrive', 'planner/0/1', '--all'], 'name places, or say --all'],
  [['redrive', 'planner/0/1', '--template', 'newest'], "--template is pinned or active, not 'newest'"],
  [['discard', 'planner/0/1'], '--reason'],
  [['send-again', '--state', 'failed'], 'say who'],
  [['send-again', '--request', 'x', '--state', 'failed'], 'say who'],
  [
    ['send-again', '--request', '5d3c1c54-7e0b-4f0e-9d7a-000000000000', '--state', 'skipped', '--ended-by', 'expired'],
    'what is expired is not sent again',
  ],
] as const)('refuses %j and says why', async (args, message) => {
  await expect(run([...args])).rejects.toThrow(message);
  expect(await lab.db.selectFrom('dead_letter_actions').select('topic').execute()).toEqual([]);
});

it.each(['nobody', 'olga', 'oscar', "o'; drop table audit", '\u202eadmin'])(
  'does not do in the name of %j, who has no log-in that may, and writes nothing down',
  async (name) => {
    const request = ['--request', randomUUID(), '--state', 'failed', '--execute'];
    for (const wish of [
      ['redrive', 'enricher/0/5'],
      ['discard', 'enricher/0/5', '--reason', 'old'],
      ['send-again', ...request],
    ]) {
      await expect(run([...wish, '--as', name])).rejects.toMatchObject({ code: 'not_allowed' });
    }
    expect(await lab.db.selectFrom('dead_letter_actions').select('topic').execute()).toEqual([]);
    expect(await lab.db.selectFrom('audit').select('who').where('who', '=', name).execute()).toEqual([]);
  },
);

it('says of a place without a record that it could not be sent back', async () => {
  await lab.db.updateTable('admin_users').set({ disabled_at: null }).where('name', '=', 'olga').execute();
  const lines = await run(['redrive', 'enricher/0/5', '--as', 'olga']);
  expect(lines.join('\n')).toContain('the topic does not keep it any more');
  const { who } = await lab.db.selectFrom('audit').select('who').orderBy('audit_id', 'desc').executeTakeFirstOrThrow();
  expect(who).toBe('olga');
});

it('sends again to people of a request only when told to execute it', async () => {
  const requestId = await addRequest(lab.db);
  const event = rendered({ request_id: requestId, user_id: 'ada' });
  await addDelivery(lab.db, event, { state: 'failed', reason: 'template_error' });
  const { chunk_id } = event;
  const counter = { request_id: requestId, chunk_id, state: 'failed', reason: 'template_error', count: 1 } as const;
  await lab.db.insertInto('counters').values(counter).execute();
  const args = ['send-again', '--request', requestId, '--state', 'failed', '--ended-by', 'template_error'];
  expect(await run(args)).toEqual(['It would be sent again to 1 person. Nothing is done without --execute.']);
  expect(await lab.db.selectFrom('delivery_commands').select('kind').execute()).toEqual([]);
  expect(await run([...args, '--execute'])).toEqual(['It is sent again to 1 person by the admin service.']);
  const [command] = await lab.db.selectFrom('delivery_commands').select(['kind', 'requested_by']).execute();
  expect(command).toEqual({ kind: 'redrive', requested_by: 'command line' });
});
