// Every port of a running copy, and how two copies keep out of each other's way.
import { createServer } from 'node:net';
import { LauncherError } from './launcher-error.ts';

export const defaultPorts = {
  admin: 8000,
  ingest: 8001,
  userMock: 8002,
  smtp: 1025,
  inbox: 8025,
  kafka: 9092,
  kafkaController: 9093,
  registry: 8081,
  registryManagement: 8082,
  postgres: 5433,
  ingestOps: 9100,
  plannerOps: 9101,
  enricherOps: 9102,
  rendererOps: 9103,
  dispatcherOps: 9104,
  adminOps: 9105,
} as const;

export type PortName = keyof typeof defaultPorts;
export type Ports = Readonly<Record<PortName, number>>;

/** What stands behind a port, and the variable by which a person can move or replace it. */
const portTable: Readonly<Record<PortName, { title: string; variable?: string }>> = {
  admin: { title: 'the admin pages', variable: 'ADMIN_PORT' },
  ingest: { title: 'the HTTP ingest', variable: 'INGEST_PORT' },
  userMock: { title: 'the user-mock', variable: 'USER_MOCK_PORT' },
  smtp: { title: 'the mail inbox (SMTP)', variable: 'SMTP_URL' },
  inbox: { title: "the mail inbox's page", variable: 'SMTP_URL' },
  kafka: { title: 'Kafka', variable: 'KAFKA_BROKERS' },
  kafkaController: { title: "Kafka's controller", variable: 'KAFKA_BROKERS' },
  registry: { title: 'the schema registry', variable: 'SCHEMA_REGISTRY_URL' },
  registryManagement: { title: "the schema registry's management", variable: 'SCHEMA_REGISTRY_URL' },
  postgres: { title: 'Postgres', variable: 'DATABASE_URL' },
  ingestOps: { title: "ingest's metrics" },
  plannerOps: { title: "the planner's metrics" },
  enricherOps: { title: "the enricher's metrics" },
  rendererOps: { title: "the renderer's metrics" },
  dispatcherOps: { title: "the dispatcher's metrics" },
  adminOps: { title: "the admin pages' metrics" },
};

const names = Object.keys(defaultPorts) as PortName[];

/**
 * The default ports, each moved by `offset` unless it is given explicitly.
 * @throws LauncherError settings_invalid when a port would be above 65535
 */
export function portsWithOffset(offset: number, explicit: Partial<Record<PortName, number>> = {}): Ports {
  const ports = Object.fromEntries(names.map((name) => [name, explicit[name] ?? defaultPorts[name] + offset])) as Ports;
  const beyond = names.find((name) => ports[name] > 65_535);
  if (beyond) {
    throw new LauncherError(
      'settings_invalid',
      `POSTHORN_PORT_OFFSET=${offset} would put ${portTable[beyond].title} on port ${ports[beyond]}, above 65535: choose a smaller one.`,
    );
  }
  return ports;
}

/**
 * A free port for every name that is not given. They lie below the range the system takes outgoing ports from: a client
 * that keeps asking for a stopped part could otherwise be given that very port, and talk to itself.
 */
export async function freePorts(explicit: Partial<Record<PortName, number>> = {}): Promise<Ports> {
  const taken = new Set<number>(Object.values(explicit));
  const found: Partial<Record<PortName, number>> = { ...explicit };
  for (const name of names) found[name] ??= await freePort(taken);
  return found as Ports;
}

const firstFreePort = 20_000;
const freePortCount = 12_000;

export async function freePort(taken = new Set<number>()): Promise<number> {
  for (;;) {
    const port = firstFreePort + Math.floor(Math.random() * freePortCount);
    if (taken.has(port) || !(await isFree(port))) continue;
    taken.add(port);
    return port;
  }
}

/** @throws LauncherError port_taken, one sentence that names the ports, what they are for, and what to do */
export async function requireFreePorts(ports: Ports, wanted: readonly PortName[]): Promise<void> {
  const free = await Promise.all(wanted.map((name) => isFree(ports[name])));
  const taken = wanted.filter((_, index) => !free[index]);
  if (taken.length > 0) throw new LauncherError('port_taken', describeTaken(ports, taken));
}

// With another copy running nearly all are taken, and a sentence with fifteen numbers tells less than one with four.
const namedAtMost = 4;

export function describeTaken(ports: Ports, taken: readonly PortName[]): string {
  const named = taken.slice(0, namedAtMost).map((name) => `${ports[name]} (${portTable[name].title})`);
  const moreCount = taken.length - named.length;
  const list = named.join(', ') + (moreCount > 0 ? ` and ${moreCount} more` : '');
  const variables = [...new Set(taken.flatMap((name) => portTable[name].variable ?? []))];
  const orSet = variables.length > 0 ? `, or set ${variables.join(', ')}` : '';
  const isOne = taken.length === 1;
  return `${isOne ? 'Port' : 'Ports'} ${list} ${isOne ? 'is' : 'are'} taken by another program: stop that one, move all of Posthorn's ports with POSTHORN_PORT_OFFSET=100${orSet}.`;
}

/** Free on loopback and on all addresses: a program on 0.0.0.0 would not stop us from binding 127.0.0.1 everywhere. */
async function isFree(port: number): Promise<boolean> {
  return (await canListen(port, '127.0.0.1')) && (await canListen(port, '0.0.0.0'));
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
