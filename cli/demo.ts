// `posthorn demo`: the demo templates, and one message of each to people of the user-mock, so that no inbox is empty.
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { loadDemoTemplates } from '../dev/demo/load-demo.ts';
import { loadDemoMailings } from '../dev/demo/mailings.ts';
import { databaseVariables, port, readConfig, url } from '../lib/config.ts';
import { createDatabase } from '../lib/db/database.ts';
import { PosthornError } from '../lib/errors.ts';
import { safeFetch } from '../lib/safe-fetch.ts';
import type { Command } from './command.ts';

export const demoVariables = z.object({
  ...databaseVariables,
  USER_SERVICE_URL: url('http:', 'https:'),
  INGEST_PORT: port.default(8001),
  /** Where ingest is when it is not on this machine. */
  INGEST_URL: url('http:', 'https:').optional(),
  POSTHORN_API_KEY: z.string(),
});

export const demo: Command = {
  summary: 'load the demo templates and send one message of each kind',
  help: `posthorn demo

Loads the templates welcome, monthly-statistics and new-episode and three drafts of mailings where they are missing,
and sends each template to a few people of the user-mock, once: run again, it sends nothing new. No mailing is sent until
a person confirms it. Reads DATABASE_URL, USER_SERVICE_URL, POSTHORN_API_KEY, and INGEST_URL
or INGEST_PORT.`,
  async run({ env, print }) {
    const config = readConfig(demoVariables, env);
    const db = createDatabase({ url: config.DATABASE_URL, applicationName: 'posthorn-demo', maxConnections: 1 });
    try {
      const { added, kept } = await loadDemoTemplates(db);
      const drafts = await loadDemoMailings(db);
      print(`templates: ${added.length} loaded, ${kept.length} there already; mailings: ${drafts} drafts loaded`);
    } finally {
      await db.destroy();
    }

    const origin = config.INGEST_URL?.replace(/\/+$/, '') ?? `http://127.0.0.1:${config.INGEST_PORT}`;
    const ingest = `${origin}/api/v1`;
    const people = await fetchPeople(config.USER_SERVICE_URL);
    const requestIds = await Promise.all(
      toDemoEvents(people).map((event, index) => send(ingest, config.POSTHORN_API_KEY, `demo-${index}`, event)),
    );
    await waitUntilDone(ingest, config.POSTHORN_API_KEY, requestIds, print);
  },
};

interface Person {
  id: string;
  email: string | null;
  phone: string | null;
  promo_agree: boolean;
}

const limits = { timeoutMs: 10_000, maxBytes: 1024 * 1024 };
const doneLimitMs = 20_000;
const pollMs = 100;

function toDemoEvents(people: readonly Person[]): object[] {
  const reachable = people.filter((person) => person.email && person.phone && person.promo_agree).map(({ id }) => id);
  return [
    { template_id: 'welcome', priority: 'high', user_ids: reachable.slice(0, 1) },
    { template_id: 'monthly-statistics', priority: 'low', is_promo: true, user_ids: reachable.slice(0, 3) },
    {
      template_id: 'new-episode',
      user_ids: reachable.slice(1, 3),
      context: { series_title: 'The Lighthouse Keepers', episode: 'Low Water' },
    },
  ];
}

async function fetchPeople(userServiceUrl: string): Promise<Person[]> {
  const answer = await safeFetch(`${userServiceUrl.replace(/\/+$/, '')}/users?category=active&limit=40`, limits);
  if (answer.status !== 200) {
    throw new PosthornError(
      'user_service',
      `the user service answered ${answer.status}; the demo needs people of its category 'active'`,
    );
  }
  return (JSON.parse(answer.text) as { users: Person[] }).users;
}

async function send(ingest: string, apiKey: string, idempotencyKey: string, event: object): Promise<string> {
  const answer = await safeFetch(`${ingest}/send_notification`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      'idempotency-key': idempotencyKey,
    },
    body: JSON.stringify({ event }),
    ...limits,
  });
  if (answer.status !== 202) throw new PosthornError('ingest', `ingest answered ${answer.status}: ${answer.text}`);
  return (JSON.parse(answer.text) as { request_id: string }).request_id;
}

async function waitUntilDone(
  ingest: string,
  apiKey: string,
  requestIds: readonly string[],
  print: (line: string) => void,
): Promise<void> {
  const endsAtMs = Date.now() + doneLimitMs;
  for (;;) {
    const answers = await Promise.all(
      requestIds.map((id) =>
        safeFetch(`${ingest}/requests/${id}`, { headers: { authorization: `Bearer ${apiKey}` }, ...limits }),
      ),
    );
    const progress = answers.map(
      (answer) => JSON.parse(answer.text) as { state: string; planned: number; sent: number },
    );
    const sent = progress.reduce((sum, request) => sum + request.sent, 0);
    if (progress.every((request) => request.state === 'done')) return print(`demo: ${sent} messages sent`);
    if (Date.now() > endsAtMs) return print(`demo: ${sent} messages sent so far, the rest is under way`);
    await delay(pollMs);
  }
}
