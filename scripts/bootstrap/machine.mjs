// What the machine itself must have: Node, Java, Maven. Each fault is one sentence that says what to install.
import { join } from 'node:path';
import process from 'node:process';
import { BootstrapError } from './errors.mjs';
import { run } from './run.mjs';

const orElse = 'or set KAFKA_BROKERS and SCHEMA_REGISTRY_URL to use a Kafka and a registry of your own';

/** On Linux Node 24 comes with the packages, so that an older one may start it; elsewhere the machine's own runs everything. */
export function requireNode(version, platform) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const enough = platform === 'linux' ? major >= 20 : major > 22 || (major === 22 && minor >= 18);
  if (enough) return;
  const wanted = platform === 'linux' ? '20' : '22.18';
  throw new BootstrapError(
    `Node ${version} is too old, Posthorn needs Node ${wanted} or newer: install it from https://nodejs.org (macOS: brew install node).`,
  );
}

export async function requireJava() {
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java';
  const { code, output, missing } = await run(java, ['-version']);
  const how = `install Java 17 or newer (Debian, Ubuntu: sudo apt install openjdk-17-jre-headless; macOS: brew install openjdk@17), ${orElse}.`;
  const where = process.env.JAVA_HOME ? ` in JAVA_HOME (${process.env.JAVA_HOME})` : '';
  // macOS has a `java` that only says that there is none, hence the exit code.
  if (missing || code !== 0)
    throw new BootstrapError(`There is no Java${where}, which Kafka and the schema registry need: ${how}`);
  const version = javaMajor(output);
  if (version !== undefined && version < 17) throw new BootstrapError(`Java ${version}${where} is too old: ${how}`);
}

export async function requireMaven() {
  const { code, output, missing } = await run('mvn', ['-v']);
  if (!missing && code === 0) return;
  const how = `install it (Debian, Ubuntu: sudo apt install maven; macOS: brew install maven), ${orElse}.`;
  if (missing) throw new BootstrapError(`There is no Maven (mvn), which fetches Kafka and the schema registry: ${how}`);
  throw new BootstrapError(`Maven does not run (mvn -v says: ${output.trim().split('\n').pop()}): ${how}`);
}

/** `openjdk version "17.0.15" …` is 17; the old form `java version "1.8.0_292"` is 8. */
export function javaMajor(output) {
  const match = /version "(\d+)(?:\.(\d+))?/.exec(output);
  if (!match) return undefined;
  return match[1] === '1' ? Number(match[2]) : Number(match[1]);
}
