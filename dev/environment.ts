// Which parts the launcher runs itself, and the variables that services get: pure, from the environment and the ports.
import type { Environment } from '../lib/config.ts';
import type { PortName, Ports } from './ports.ts';

export const partNames = ['kafka', 'registry', 'postgres', 'inbox', 'user-mock'] as const;
export type PartName = (typeof partNames)[number];

/** A part gives way to a real one when its variable is set; the user-mock only when both its halves are. */
const replacedBy: Readonly<Record<PartName, readonly string[]>> = {
  kafka: ['KAFKA_BROKERS'],
  registry: ['SCHEMA_REGISTRY_URL'],
  postgres: ['DATABASE_URL'],
  inbox: ['SMTP_URL'],
  'user-mock': ['USER_SERVICE_URL', 'SMS_GATEWAY_URL'],
};

export function embeddedParts(env: Environment, wanted: readonly PartName[] = partNames): PartName[] {
  return wanted.filter((part) => !replacedBy[part].every((variable) => env[variable]));
}

const portsOfPart: Readonly<Record<PartName, readonly PortName[]>> = {
  kafka: ['kafka', 'kafkaController'],
  registry: ['registry', 'registryManagement'],
  postgres: ['postgres'],
  inbox: ['smtp', 'inbox'],
  'user-mock': ['userMock'],
};

export function portsOfParts(parts: readonly PartName[]): PortName[] {
  return parts.flatMap((part) => portsOfPart[part]);
}

/** Ports that a person set by their own variable; these the offset does not move. */
export function explicitPorts(env: Environment): Partial<Record<PortName, number>> {
  const given: Partial<Record<PortName, number>> = {};
  if (env.INGEST_PORT) given.ingest = Number(env.INGEST_PORT);
  if (env.ADMIN_PORT) given.admin = Number(env.ADMIN_PORT);
  if (env.USER_MOCK_PORT) given.userMock = Number(env.USER_MOCK_PORT);
  return given;
}

/** What a variable that is set does not replace: the addresses of the parts that were started. */
export type PartUrls = Partial<
  Record<
    'KAFKA_BROKERS' | 'SCHEMA_REGISTRY_URL' | 'DATABASE_URL' | 'SMTP_URL' | 'SMS_GATEWAY_URL' | 'USER_SERVICE_URL',
    string
  >
>;

/** The variables every service gets. What a person set wins over everything the launcher would choose. */
export function serviceEnvironment(env: Environment, partUrls: PartUrls, ports: Ports): Record<string, string> {
  const chosen: Record<string, string> = {
    ...partUrls,
    INGEST_PORT: String(ports.ingest),
    ADMIN_PORT: String(ports.admin),
    PUBLIC_URL: `http://127.0.0.1:${ports.ingest}`,
  };
  const given = Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return { ...chosen, ...Object.fromEntries(given) };
}

/** Demo notifications are never sent by themselves when anything of this is a real one. */
export function isWhollyEmbedded(env: Environment): boolean {
  return !env.DATABASE_URL && !env.SMTP_URL && !env.SMS_GATEWAY_URL;
}
