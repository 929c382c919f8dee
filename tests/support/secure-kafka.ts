// A Kafka as managed ones are: TLS by an authority of its own, SCRAM log-ins, and rights that the documents ask for and no
// more. Beside it an open listener for the test itself, whose user may do everything.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { startKafka } from '../../dev/kafka.ts';
import { freePort } from '../../dev/ports.ts';
import { holdFolder } from '../../dev/run-file.ts';
import { createAuthority } from './certificates.ts';
import { downloadsDir, removeTestData, testDataFolder } from './infrastructure.ts';

export interface SecureKafka {
  /** What a person sets to reach it as the user `posthorn`. */
  env: Record<'KAFKA_BROKERS' | 'KAFKA_SSL' | 'KAFKA_CA_FILE' | `KAFKA_SASL_${string}`, string>;
  /** A file with an authority that has signed nothing here. */
  strangeCaFile: string;
  openBrokers: string;
  /** Rights on everything that begins with the prefix. */
  allow(prefix: string, kind: 'topic' | 'group', ...operations: Operation[]): Promise<void>;
  stop(): Promise<void>;
}

type Operation = 'READ' | 'WRITE' | 'CREATE' | 'DELETE' | 'DESCRIBE' | 'DESCRIBE_CONFIGS';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, Kafka, logLevel, ResourcePatternTypes } = kafkajs;
const username = 'posthorn';

export async function startSecureKafka(): Promise<SecureKafka> {
  const dataDir = testDataFolder('secure-kafka');
  const keys = join(dataDir, 'keys');
  mkdirSync(keys, { recursive: true });
  const write = (name: string, text: string) => {
    writeFileSync(join(keys, name), text);
    return join(keys, name);
  };
  const authority = createAuthority('authority of the test');
  const { certificate, privateKey } = authority.issue();
  const keyStore = write('server.pem', `${privateKey}${certificate}`);
  const caFile = write('ca.pem', authority.certificate);
  const strangeCaFile = write('strange-ca.pem', createAuthority('somebody else').certificate);

  const taken = new Set<number>();
  const [port, controllerPort, securePort] = [await freePort(taken), await freePort(taken), await freePort(taken)];
  const password = randomBytes(12).toString('hex');
  const runFile = await holdFolder(dataDir, () => {});
  const kafka = await startKafka(
    {
      port,
      controllerPort,
      javaHome: process.env.JAVA_HOME,
      settings: {
        listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort},SECURE://127.0.0.1:${securePort}`,
        'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},SECURE://127.0.0.1:${securePort}`,
        'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL',
        'sasl.enabled.mechanisms': 'SCRAM-SHA-256,SCRAM-SHA-512',
        'listener.name.secure.scram-sha-256.sasl.jaas.config': `${scramModule} required;`,
        'listener.name.secure.scram-sha-512.sasl.jaas.config': `${scramModule} required;`,
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.location': keyStore,
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS',
      },
      formatArgs: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
        '--add-scram',
        `${mechanism}=[name=${username},password=${password}]`,
      ]),
    },
    { dataDir, downloadsDir, keeper: runFile, disposable: true, signal: undefined, note: () => {} },
  );
  const openBrokers = `127.0.0.1:${port}`;
  const admin = new Kafka({ brokers: [openBrokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  return {
    env: {
      KAFKA_BROKERS: `127.0.0.1:${securePort}`,
      KAFKA_SSL: 'true',
      KAFKA_CA_FILE: caFile,
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: username,
      KAFKA_SASL_PASSWORD: password,
    },
    strangeCaFile,
    openBrokers,
    async allow(prefix, kind, ...operations) {
      await admin.createAcls({
        acl: operations.map((operation) => ({
          resourceType: kind === 'topic' ? AclResourceTypes.TOPIC : AclResourceTypes.GROUP,
          resourceName: prefix,
          resourcePatternType: ResourcePatternTypes.PREFIXED,
          principal: `User:${username}`,
          host: '*',
          operation: AclOperationTypes[operation],
          permissionType: AclPermissionTypes.ALLOW,
        })),
      });
    },
    async stop() {
      await admin.disconnect();
      await kafka.stop('SIGKILL');
      runFile.release();
      removeTestData(dataDir);
    },
  };
}

const scramModule = 'org.apache.kafka.common.security.scram.ScramLoginModule';
