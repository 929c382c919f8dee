// What a person can say to the launcher: flags of `npm start -- …` and the variables that only the launcher reads.
import { isAbsolute, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Environment } from '../lib/config.ts';
import { explicitPorts, isWhollyEmbedded } from './environment.ts';
import { LauncherError } from './launcher-error.ts';
import { type Ports, portsWithOffset } from './ports.ts';

export const help = `npm start            starts everything on this machine; Ctrl-C stops it, the data stay
npm start -- --fresh begins with empty data (what was fetched stays)
npm start -- --demo  loads and sends the demo notifications even to a mail server, SMS gateway or database of your own

Every part gives way to a real one when its variable is set (KAFKA_BROKERS, SCHEMA_REGISTRY_URL, DATABASE_URL, SMTP_URL,
SMS_GATEWAY_URL, USER_SERVICE_URL). POSTHORN_PORT_OFFSET moves all ports, POSTHORN_DATA_DIR the data. A file .env is read.`;

export interface LauncherSettings {
  showHelp: boolean;
  fresh: boolean;
  demo: boolean;
  dataDir: string;
  ports: Ports;
}

/** @throws LauncherError settings_invalid */
export function readSettings(args: readonly string[], env: Environment, root: string): LauncherSettings {
  const flags = readFlags(args);
  const explicit = explicitPorts(env);
  for (const [name, port] of Object.entries(explicit)) {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new LauncherError('settings_invalid', `The port of ${name} must be a number from 1 to 65535.`);
    }
  }
  const offset = Number(env.POSTHORN_PORT_OFFSET || 0);
  if (!Number.isInteger(offset) || offset < 0) {
    throw new LauncherError('settings_invalid', 'POSTHORN_PORT_OFFSET must be a whole number, 0 or more, such as 100.');
  }
  const dataDir = env.POSTHORN_DATA_DIR || '.posthorn';
  return {
    showHelp: flags.help,
    fresh: flags.fresh,
    demo: flags.demo || isWhollyEmbedded(env),
    dataDir: isAbsolute(dataDir) ? resolve(dataDir) : join(root, dataDir),
    ports: portsWithOffset(offset, explicit),
  };
}

function readFlags(args: readonly string[]): { help: boolean; fresh: boolean; demo: boolean } {
  const flag = { type: 'boolean', default: false } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { help: { ...flag, short: 'h' }, fresh: flag, demo: flag },
    });
    return values;
  } catch {
    throw new LauncherError('settings_invalid', `There is no ${args.join(' ')}. The flags are:\n\n${help}`);
  }
}
