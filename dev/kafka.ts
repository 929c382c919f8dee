// An Apache Kafka broker and controller in one process (KRaft), for development and tests.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import downloads from './downloads.json' with { type: 'json' };
import { fetchedFolder, javaProgram } from './java.ts';
import { LauncherError } from './launcher-error.ts';
import { createPart, type PartContext, type Running } from './part.ts';
import { answersTcp } from './probe.ts';
import { runToEnd } from './run-to-end.ts';

export interface KafkaOptions {
  port: number;
  controllerPort: number;
  javaHome: string | undefined;
  /** Instead of the settings below, or besides them: a test's listener with TLS and a log-in, for instance. */
  settings?: Readonly<Record<string, string>>;
  /** Such as the log-ins that a new log folder begins with (--add-scram). */
  formatArgs?: readonly string[];
}

export async function startKafka(options: KafkaOptions, context: PartContext): Promise<Running<{ brokers: string }>> {
  const folder = join(context.dataDir, 'kafka');
  const classPath = join(fetchedFolder(context.downloadsDir, downloads.kafka.folder), '*');
  const settingsFile = join(folder, 'server.properties');
  const java = javaProgram(options.javaHome);
  await mkdir(folder, { recursive: true });
  await writeFile(settingsFile, brokerSettings(options, join(folder, 'data'), context.disposable));
  await format(java, classPath, folder, settingsFile, options.formatArgs ?? []);

  const part = createPart(
    {
      name: 'kafka',
      title: 'Kafka',
      command: () => ({
        command: java,
        args: [
          ...['-Xms256m', '-Xmx512m', '-XX:+UseG1GC'],
          // A broker of a few minutes never earns back what its second compiler takes from the tests.
          ...(context.disposable ? ['-XX:TieredStopAtLevel=1'] : []),
          ...['-cp', classPath, 'kafka.Kafka', settingsFile],
        ],
        cwd: folder,
      }),
      isReady: () => answersTcp(options.port, apiVersionsRequest),
      stopSignal: 'SIGTERM',
      stopWithinMs: 5_000,
    },
    context,
  );
  await part.start();
  return { ...part, brokers: `127.0.0.1:${options.port}` };
}

/** Gives the empty log folder its cluster id, once. A folder half formatted by a killed start is made anew. */
async function format(
  java: string,
  classPath: string,
  folder: string,
  settingsFile: string,
  formatArgs: readonly string[],
): Promise<void> {
  const done = join(folder, 'formatted');
  if (existsSync(done)) return;
  await rm(join(folder, 'data'), { recursive: true, force: true });
  // A Kafka Uuid: 16 bytes in URL-safe base64; a leading dash would be read as an option.
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const quick = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
  const { code, output } = await runToEnd(java, [
    ...quick,
    ...['-cp', classPath, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', settingsFile, ...formatArgs],
  ]);
  if (code !== 0) {
    throw new LauncherError('start_failed', `Kafka's data folder ${folder} could not be prepared:\n${output.trim()}`);
  }
  await writeFile(`${done}.new`, clusterId);
  await rename(`${done}.new`, done);
}

/** Without the replication factors of 1 consumer groups never get a coordinator on a single broker. */
export function brokerSettings(options: KafkaOptions, logDir: string, disposable: boolean): string {
  const { port, controllerPort } = options;
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': logDir,
    'auto.create.topics.enable': false,
    'num.partitions': 6,
    'log.message.timestamp.type': 'LogAppendTime',
    'group.initial.rebalance.delay.ms': 0,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 8,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 8,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'log.segment.bytes': 67_108_864,
    'log.cleaner.dedupe.buffer.size': 16_777_216,
    'num.network.threads': 2,
    'num.io.threads': 4,
    // Tests make and remove topics all the time; waiting a minute before files go would only fill the disk.
    ...(disposable ? { 'log.segment.delete.delay.ms': 1_000 } : {}),
    ...options.settings,
  };
  return `${Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}\n`;
}

/**
 * The broker accepts connections before it handles requests, so an open port says nothing: ApiVersions (key 18,
 * version 0, correlation id 1, no client id) is what every client asks first, and needs no rights.
 */
const apiVersionsRequest = Uint8Array.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff]);
