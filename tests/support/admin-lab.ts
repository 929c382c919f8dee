// The admin pages on real parts, in this process: own database, topics and people with access; requests as a browser
// sends them, without one.
import { randomBytes, randomUUID, scryptSync } from 'node:crypto';
import { inject } from 'vitest';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import { createKafka } from '../../lib/kafka/client.ts';
import { type Codec, createCodec } from '../../lib/kafka/codec.ts';
import { ensureTopics } from '../../lib/kafka/topic-admin.ts';
import { createLogger } from '../../lib/logger.ts';
import { hashPassword } from '../../lib/passwords.ts';
import { createTopics, type Topics } from '../../lib/topics.ts';
import { type AdminConfig, readAdminConfig } from '../../services/admin/config.ts';
import type { Role } from '../../services/admin/roles.ts';
import { type RunningAdmin, startAdmin } from '../../services/admin/service.ts';
import { openSession } from '../../services/admin/sessions.ts';
import { eventually } from './eventually.ts';
import type { TestEnvironment } from './infrastructure.ts';
import { registerSubjects } from './register-subjects.ts';
import { createTestDatabase } from './test-database.ts';

export interface AdminLab {
  url: string;
  port: number;
  opsPort: number;
  /** What the pages answer, as `GET /path/:name`. */
  routes: readonly string[];
  db: Db;
  databaseUrl: string;
  topics: Topics;
  codec: Codec;
  kafka: ReturnType<typeof createKafka>;
  config: AdminConfig;
  /** Makes a person with these roles and a session. */
  logIn(...roles: Role[]): Promise<Visitor>;
  stop(): Promise<void>;
}

/** Somebody who is logged in. */
export interface Visitor {
  name: string;
  password: string;
  cookie: string;
  /** Follows no redirect. */
  get(path: string): Promise<Response>;
  /** The text of a page that must answer 200. */
  page(path: string): Promise<string>;
  /** Posts a form with the session's token, as a page of ours does. Follows no redirect. */
  post(path: string, fields?: Record<string, string | string[]>): Promise<Response>;
  csrf(): Promise<string>;
}

/**
 * @param userServiceUrl of a user service that runs, or of none
 * @param settings further variables of the service
 */
export async function startAdminLab(
  userServiceUrl = 'http://127.0.0.1:9',
  env: TestEnvironment = inject('infrastructure'),
  settings: Record<string, string> = {},
): Promise<AdminLab> {
  const logger = createLogger({ service: 'test', level: process.env.TEST_LOG_LEVEL ?? 'silent' });
  const database = await createTestDatabase('admin', env.DATABASE_URL);
  const db = createDatabase({ url: database.databaseUrl, applicationName: 'test' });
  const prefix = `admin-${randomUUID().slice(0, 8)}.`;
  const config = readAdminConfig({
    ...env,
    DATABASE_URL: database.databaseUrl,
    KAFKA_TOPIC_PREFIX: prefix,
    ADMIN_PORT: '0',
    OPS_PORT: '0',
    POSTHORN_SECRET: 'a secret of the tests',
    USER_SERVICE_URL: userServiceUrl,
    ...settings,
  });
  const topics = createTopics(prefix);
  const kafka = createKafka(config.kafka, 'test', logger);
  await Promise.all([
    migrate(db),
    ensureTopics(kafka, topics, { partitions: 2, replicationFactor: 1, minInsyncReplicas: 1 }),
    registerSubjects(env.SCHEMA_REGISTRY_URL, topics),
  ]);
  const codec = createCodec({ registryUrl: env.SCHEMA_REGISTRY_URL, topics });
  await codec.prepare();
  const fail = (error: Error) => {
    throw error;
  };
  const admin: RunningAdmin = await startAdmin(config, { logger, fail });
  const url = `http://127.0.0.1:${admin.port}`;
  await eventually(async () => (await fetch(`${url}/login`)).status === 200, 'the admin pages answer');
  return {
    url,
    port: admin.port,
    opsPort: admin.opsPort,
    routes: admin.routes,
    db,
    databaseUrl: database.databaseUrl,
    topics,
    codec,
    kafka,
    config,
    async logIn(...roles) {
      const name = `${roles.join('-')}-${randomUUID().slice(0, 8)}`;
      const password = `password of ${name}`;
      await addAdminUser(db, name, password, roles, cheapHash(password));
      const { admin_user_id } = await db
        .selectFrom('admin_users')
        .select('admin_user_id')
        .where('name', '=', name)
        .executeTakeFirstOrThrow();
      // Without the check of a password, which takes a third of a second of work.
      return toVisitor(url, name, password, `posthorn_session=${await openSession(db, admin_user_id)}`);
    },
    async stop() {
      await admin.stop();
      await db.destroy();
      await database.drop();
    },
  };
}

/** Readable like every hash, which says its own measure. */
function cheapHash(password: string): string {
  const salt = randomBytes(16);
  const hash = scryptSync(password, salt, 32, { N: 2 ** 10, r: 8, p: 1 });
  return ['scrypt', 10, 8, 1, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

export async function addAdminUser(
  db: Db,
  name: string,
  password: string,
  roles: Role[],
  hash?: string,
): Promise<void> {
  const password_hash = hash ?? (await hashPassword(password));
  await db
    .insertInto('admin_users')
    .values({ admin_user_id: randomUUID(), name, roles, password_hash, locked_until: null, disabled_at: null })
    .execute();
}

/** Logs in as somebody who exists. */
export async function visit(url: string, name: string, password: string): Promise<Visitor> {
  const answer = await fetch(`${url}/login`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ name, password }),
  });
  const cookie = /posthorn_session=[^;]+/.exec(answer.headers.get('set-cookie') ?? '')?.[0];
  if (!cookie) throw new Error(`${name} could not log in: ${answer.status} ${await answer.text()}`);
  return toVisitor(url, name, password, cookie);
}

function toVisitor(url: string, name: string, password: string, cookie: string): Visitor {
  const get = (path: string) => fetch(`${url}${path}`, { redirect: 'manual', headers: { cookie } });
  let token: string | undefined;
  const csrf = async () => {
    token ??= /name="csrf-token" content="([^"]+)"/.exec(await (await get('/account')).text())?.[1] ?? '';
    return token;
  };
  return {
    name,
    password,
    cookie,
    get,
    csrf,
    async page(path) {
      const response = await get(path);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 2_000)}`);
      return text;
    },
    async post(path, fields = {}) {
      const body = new URLSearchParams([['_csrf', await csrf()]]);
      for (const [field, value] of Object.entries(fields)) for (const one of [value].flat()) body.append(field, one);
      return fetch(`${url}${path}`, { method: 'POST', redirect: 'manual', headers: { cookie }, body });
    },
  };
}
