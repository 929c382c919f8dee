// Records vanish from a topic under a frozen stage. The stage says so, the requests are healed, and everybody gets one mail.
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ServiceName } from '../../dev/services.ts';
import type { Lane, Topics } from '../../lib/topics.ts';
import { eventually } from '../support/eventually.ts';
import { type MailSink, startMailSink } from '../support/mail-sink.ts';
import { findReachable } from '../support/people.ts';
import { toRequestRecord } from '../support/request-record.ts';
import { type System, startSystem } from '../support/system.ts';
import { addTemplate } from '../support/templates.ts';
import { countUnread, truncateTopic } from '../support/truncate-topic.ts';

let system: System;
let sink: MailSink;

beforeAll(async () => {
  sink = await startMailSink();
  system = await startSystem({ name: 'lost-records', infrastructure: 'shared', env: { SMTP_URL: sink.smtpUrl } });
  await addTemplate(system.db, { templateId: 'plain', subject: 'Hello {{ first_name }}', text: '{{ last_name }}' });
});
afterAll(async () => {
  await system?.stop();
  await sink?.stop();
});

const count = 20;
const lanes = (topics: Topics): Record<string, [ServiceName, Lane | undefined]> => {
  const medium = (all: readonly Lane[]) => all.find(({ name }) => name === 'medium');
  return {
    rendered: ['dispatcher', medium(topics.lanes.dispatcher)],
    enriched: ['renderer', medium(topics.lanes.renderer)],
    planned: ['enricher', medium(topics.lanes.enricher)],
    outcomes: ['dispatcher', topics.lanes.outcomes],
  };
};

async function readLost(service: ServiceName): Promise<number> {
  const text = await (await fetch(`${system.launched.services.opsUrl(service)}/metrics`)).text();
  const values = [...text.matchAll(/^posthorn_offsets_lost_total\{.*\} (\d+)$/gm)].map(([, value]) => Number(value));
  return values.reduce((sum, value) => sum + value, 0);
}

it.each([
  ['rendered', 0],
  ['enriched', 100],
  ['planned', 200],
  ['outcomes', 300],
])(
  'records that vanish from %s leave nobody without an end',
  async (name, offset) => {
    const { kafka, topics } = system.kafka;
    const [service, lane] = lanes(topics)[name] ?? [];
    if (!service || !lane) throw new Error(`no lane reads ${name}`);
    const lostBefore = await readLost(service);
    // Nobody can be reached by this one: their ends are outcomes.
    const people = findReachable(count, offset).map(({ id }) => (name === 'outcomes' ? `nobody-${id}` : id));
    const requests = people.map((id) => toRequestRecord({ template_id: 'plain', user_ids: [id] }));
    const ids = requests.map(({ request_id }) => request_id);

    system.launched.services.kill(service, 'SIGSTOP');
    await system.kafka.request(requests);
    await eventually(
      async () => (await countUnread(kafka, lane.input.name, lane.group)) === count,
      `${count} records wait in ${name}`,
    );
    await truncateTopic(kafka, lane.input.name);
    system.launched.services.kill(service, 'SIGCONT');
    await eventually(async () => (await readLost(service)) > lostBefore, `${service} has noticed`);
    expect(await readLost(service)).toBeLessThanOrEqual(lostBefore + count);

    // What stands still for a quarter of an hour is healed.
    const age = () =>
      sql`update requests set stored_at = now() - interval '16 minutes', progress_at = null
      where request_id = any(${ids}::uuid[]) and ended_at is null`.execute(system.db);
    await age();
    await eventually(
      async () => {
        const rows = await system.db.selectFrom('requests').select('ended_at').where('request_id', 'in', ids).execute();
        return rows.length === count && rows.every(({ ended_at }) => ended_at !== null);
      },
      'all requests have ended',
      90_000,
    );
    for (const id of ids) {
      const { state, sent, skipped } = await system.ingest.findRequest(id);
      expect({ state, sent, skipped }).toEqual(
        name === 'outcomes' ? { state: 'done', sent: 0, skipped: 1 } : { state: 'done', sent: 1, skipped: 0 },
      );
    }
    expect(sink.doubles()).toEqual(new Map());
    const line = system.lines.find((one) => one.includes('"nextOffset"') && one.includes(`"${lane.input.name}"`));
    expect(line).toMatch(/"level":"error".*"partition":\d.*"group":".*"committedOffset":"\d+"/);
  },
  180_000,
);
