// The admin service's settings, from the environment.
import { z } from 'zod';
import { senderVariables, toSender } from '../../content/sender.ts';
import {
  count,
  databaseVariables,
  type Environment,
  kafkaVariables,
  list,
  opsVariables,
  port,
  readConfig,
  registryVariables,
  toKafkaSettings,
  url,
} from '../../lib/config.ts';

export const adminVariables = z.object({
  ...kafkaVariables,
  ...registryVariables,
  ...databaseVariables,
  ...opsVariables,
  DATABASE_CONNECTIONS: count(1, 100).default(10),
  ADMIN_PORT: port.default(8000),
  OPS_PORT: port.default(9105),
  /** How people reach the pages, where a proxy stands before them: cookies and the check of origins go by it. */
  ADMIN_URL: url('http:', 'https:').optional(),
  /** Addresses of proxies whose X-Forwarded-For is believed. */
  TRUSTED_PROXIES: list.default([]),
  /** Ingest as recipients see it: unsubscribe links in previews. */
  PUBLIC_URL: url('http:', 'https:').default('http://127.0.0.1:8001'),
  /** As the dispatcher has them: a message is shown with the header that it was sent with. */
  ...senderVariables,
  POSTHORN_SECRET: z.string().min(16, 'must have 16 characters or more'),
  USER_SERVICE_URL: url('http:', 'https:'),
  USER_SERVICE_TOKEN: z.string().optional(),
  USER_SERVICE_TIMEOUT_MS: count(100, 60_000).default(5_000),
});

export type AdminConfig = ReturnType<typeof readAdminConfig>;

/** @throws ConfigError naming every variable that is missing or wrong */
export function readAdminConfig(env: Environment) {
  const variables = readConfig(adminVariables, env);
  return {
    kafka: toKafkaSettings(variables),
    registryUrl: variables.SCHEMA_REGISTRY_URL,
    databaseUrl: variables.DATABASE_URL,
    databaseConnections: variables.DATABASE_CONNECTIONS,
    bindHost: variables.BIND_HOST,
    port: variables.ADMIN_PORT,
    opsPort: variables.OPS_PORT,
    adminUrl: variables.ADMIN_URL,
    trustedProxies: variables.TRUSTED_PROXIES,
    publicUrl: variables.PUBLIC_URL.replace(/\/+$/, ''),
    sender: toSender(variables),
    secret: variables.POSTHORN_SECRET,
    userService: {
      url: variables.USER_SERVICE_URL,
      token: variables.USER_SERVICE_TOKEN,
      timeoutMs: variables.USER_SERVICE_TIMEOUT_MS,
    },
  };
}
