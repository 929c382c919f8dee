// The secret that signs links and sessions, and the first API key: made once per data folder and kept there.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newApiKey } from '../lib/api-keys.ts';
import type { Environment } from '../lib/config.ts';

export interface Secrets {
  secret: string;
  apiKey: string;
}

/** What the environment says wins, and is not written down. */
export function loadSecrets(dataDir: string, env: Environment): Secrets {
  const file = join(dataDir, 'secrets.json');
  if (!existsSync(file)) {
    const made: Secrets = { secret: randomBytes(32).toString('base64url'), apiKey: newApiKey().key };
    writeFileSync(`${file}.new`, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  const kept = JSON.parse(readFileSync(file, 'utf8')) as Secrets;
  return { secret: env.POSTHORN_SECRET || kept.secret, apiKey: env.POSTHORN_API_KEY || kept.apiKey };
}
