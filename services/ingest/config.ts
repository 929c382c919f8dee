// Ingest's settings, from the environment.
import { z } from 'zod';
import {
  count,
  type Environment,
  linkVariables,
  port,
  readConfig,
  serviceVariables,
  toServiceSettings,
  url,
} from '../../lib/config.ts';

export const ingestVariables = z.object({
  ...serviceVariables,
  ...linkVariables,
  INGEST_PORT: port.default(8001),
  OPS_PORT: port.default(9100),
  /** Calls a second and API key, in each process. */
  INGEST_RATE_PER_KEY: count(1, 1_000_000).default(2_000),
  /** To Postgres, for calls that only read; besides DATABASE_CONNECTIONS. */
  INGEST_READ_CONNECTIONS: count(1, 100).default(3),
  USER_SERVICE_URL: url('http:', 'https:'),
  USER_SERVICE_TOKEN: z.string().optional(),
});

export type IngestConfig = ReturnType<typeof readIngestConfig>;

/** @throws ConfigError naming every variable that is missing or wrong */
export function readIngestConfig(env: Environment) {
  const variables = readConfig(ingestVariables, env);
  return {
    ...toServiceSettings(variables),
    port: variables.INGEST_PORT,
    opsPort: variables.OPS_PORT,
    readConnections: variables.INGEST_READ_CONNECTIONS,
    ratePerKey: variables.INGEST_RATE_PER_KEY,
    secret: variables.POSTHORN_SECRET,
    publicUrl: variables.PUBLIC_URL,
    userService: { url: variables.USER_SERVICE_URL, token: variables.USER_SERVICE_TOKEN },
  };
}
