// Settings from the environment: every service says what it needs as one zod object of variables, and all faults are
// reported at once. An empty variable counts as not set, for that is how compose files leave one out.
import { z } from 'zod';
import { ConfigError } from './errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @param variables a zod object whose keys are names of environment variables
 * @throws ConfigError naming every variable that is missing or wrong; never its value, which may be a secret
 */
export function readConfig<S extends z.ZodObject>(variables: S, env: Environment): z.output<S> {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = variables.safeParse(present);
  if (result.success) return result.data;
  throw new ConfigError(
    result.error.issues.map((issue) => {
      const name = String(issue.path[0] ?? 'settings');
      return present[name] === undefined ? `${name} is not set` : `${name}: ${issue.message}`;
    }),
  );
}

export const port = z.coerce.number().int().min(0).max(65_535);
export const count = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
export const flag = z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1');
export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);
const hostAndPort = /^(\[[0-9a-fA-F:]+\]|[^\s:,/]+):\d{1,5}$/;

/** A URL of one of these protocols, such as `http:`. */
export const url = (...protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    message: `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  });

export const kafkaVariables = {
  KAFKA_BROKERS: list.refine((brokers) => brokers.length > 0 && brokers.every((broker) => hostAndPort.test(broker)), {
    message: 'must be host:port, several separated by commas',
  }),
  KAFKA_TOPIC_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,80}$/, 'may hold A-Z a-z 0-9 . _ - only, 80 at most')
    .default(''),
  KAFKA_SSL: flag.default(false),
  KAFKA_CA_FILE: z.string().optional(),
  KAFKA_SASL_MECHANISM: z
    .string()
    .toLowerCase()
    .pipe(z.enum(['plain', 'scram-sha-256', 'scram-sha-512']))
    .optional(),
  KAFKA_SASL_USERNAME: z.string().optional(),
  KAFKA_SASL_PASSWORD: z.string().optional(),
};

export const registryVariables = { SCHEMA_REGISTRY_URL: url('http:', 'https:') };
export const databaseVariables = { DATABASE_URL: url('postgres:', 'postgresql:') };
export const opsVariables = {
  BIND_HOST: z.string().default('127.0.0.1'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
};

/** Where recipients reach ingest. It begins addresses in headers and HTML: no log-in, no query, plain characters only. */
const plainUrl = /^https?:\/\/[^/?#@\s]{1,260}(?:\/[A-Za-z0-9._~-]+){0,8}\/?$/i;
const publicUrl = z
  .string()
  .refine((text) => plainUrl.test(text) && URL.canParse(text), {
    message: 'must be http:// or https://, a host and at most a plain path',
  })
  .transform((text) => new URL(text).href.replace(/\/$/, ''));

/** What signs and begins the links that people get: the same for whoever makes one and whoever serves it. */
export const linkVariables = {
  POSTHORN_SECRET: z.string().min(16, 'must have 16 characters or more'),
  PUBLIC_URL: publicUrl.default('http://127.0.0.1:8001'),
};

/** What every service needs: Kafka, the registry, Postgres, and where it listens. */
export const serviceVariables = {
  ...kafkaVariables,
  ...registryVariables,
  ...databaseVariables,
  ...opsVariables,
  DATABASE_CONNECTIONS: count(1, 100).default(10),
};

/** What every service that reads topics needs. */
export const stageVariables = {
  ...serviceVariables,
  /** Lanes that this process runs (high, medium, low; planner: high, requests; dispatcher: also outcomes); all when not set. */
  LANES: list.optional(),
  CONCURRENCY: count(1, 32).default(2),
};

export interface KafkaSettings {
  brokers: string[];
  topicPrefix: string;
  ssl: boolean;
  caFile: string | undefined;
  sasl: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string } | undefined;
}

/** @throws ConfigError when a SASL mechanism stands without its name and password */
export function toKafkaSettings(variables: z.output<z.ZodObject<typeof kafkaVariables>>): KafkaSettings {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = variables;
  if (mechanism && (!username || !password)) {
    throw new ConfigError(['KAFKA_SASL_MECHANISM needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD']);
  }
  return {
    brokers: variables.KAFKA_BROKERS,
    topicPrefix: variables.KAFKA_TOPIC_PREFIX,
    ssl: variables.KAFKA_SSL,
    caFile: variables.KAFKA_CA_FILE,
    sasl: mechanism && username && password ? { mechanism, username, password } : undefined,
  };
}

/** The part of a service's settings that all have. */
export function toServiceSettings(variables: z.output<z.ZodObject<typeof serviceVariables>>) {
  return {
    kafka: toKafkaSettings(variables),
    registryUrl: variables.SCHEMA_REGISTRY_URL,
    databaseUrl: variables.DATABASE_URL,
    databaseConnections: variables.DATABASE_CONNECTIONS,
    bindHost: variables.BIND_HOST,
  };
}

/** The part of a stage service's settings that its process is wired with (lib/stage-process.ts). */
export function toStageSettings(variables: z.output<z.ZodObject<typeof stageVariables>>, opsPort: number) {
  return {
    ...toServiceSettings(variables),
    opsPort,
    lanes: variables.LANES,
    concurrency: variables.CONCURRENCY,
  };
}
