// What a person reads when everything is up: where things are, and a request to paste.
import type { Launched } from './launch.ts';
import { type ServiceName, serviceNames } from './services.ts';

const placeholder = '<user id>';

export async function describeLaunched(launched: Launched): Promise<string> {
  const { infrastructure, env, ingestUrl, apiKey, services, ports, adminPassword } = launched;
  const { inboxUrl, userMockUrl } = infrastructure;
  const userId = userMockUrl === undefined ? placeholder : await findRecipient(userMockUrl);
  const opsUrl = (name: ServiceName) => `${name} ${services.opsUrl(name).replace(/^.*:/, ':')}`;
  const rows: [string, string | undefined][] = [
    ['Admin pages', `http://127.0.0.1:${ports.admin}`],
    ['Log-in', `admin / ${adminPassword}`],
    ['HTTP ingest', `${ingestUrl}/docs`],
    ['API key', apiKey],
    ['Mail inbox', inboxUrl ?? `none, mails go to ${withoutPassword(env.SMTP_URL)}`],
    ['SMS inbox', env.SMS_GATEWAY_URL === `${userMockUrl}/sms` ? env.SMS_GATEWAY_URL : undefined],
    ['User service', withoutPassword(env.USER_SERVICE_URL)],
    ['Kafka', env.KAFKA_BROKERS],
    ['Schema registry', withoutPassword(env.SCHEMA_REGISTRY_URL)],
    // The embedded one's password is no secret, and with it the line can be handed to psql as it is.
    ['Postgres', infrastructure.parts.postgres ? env.DATABASE_URL : withoutPassword(env.DATABASE_URL)],
    ['Health, metrics', serviceNames.map(opsUrl).join('  ')],
  ];
  const table = rows.filter(([, value]) => value).map(([title, value]) => `  ${title.padEnd(17)}${value}`);
  return ['', ...table, '', 'Send a notification:', '', requestToPaste(ingestUrl, apiKey, userId), ''].join('\n');
}

export function requestToPaste(ingestUrl: string, apiKey: string, userId: string): string {
  const event = { template_id: 'welcome', priority: 'high', user_ids: [userId] };
  return [
    `curl -sS ${ingestUrl}/api/v1/send_notification \\`,
    `  -H 'Authorization: Bearer ${apiKey}' -H 'Content-Type: application/json' \\`,
    `  -d '${JSON.stringify({ event })}'`,
  ].join('\n');
}

/** Somebody of the user-mock who has an e-mail address; never a person of a real user service. */
async function findRecipient(userMockUrl: string): Promise<string> {
  try {
    const response = await fetch(`${userMockUrl}/users?category=new&limit=20`, { signal: AbortSignal.timeout(2_000) });
    const { users } = (await response.json()) as { users: { id: string; email: string | null }[] };
    return users.find(({ email }) => email)?.id ?? placeholder;
  } catch {
    return placeholder;
  }
}

export function withoutPassword(url: string | undefined): string | undefined {
  if (!url || !URL.canParse(url)) return url;
  const parsed = new URL(url);
  if (!parsed.password) return url;
  parsed.password = '***';
  return parsed.href;
}
