// The secret that signs links and sessions, the first API key and the first password of the admin pages: made once per
// data folder and kept there.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newApiKey } from '../lib/api-keys.ts';
import type { Environment } from '../lib/config.ts';
import { newPassword } from '../lib/passwords.ts';

export interface Secrets {
  secret: string;
  apiKey: string;
  /** Of `admin`, when the database was new; changed since or not. */
  adminPassword: string;
}

/** What the environment says wins, and is not written down. */
export function loadSecrets(dataDir: string, env: Environment): Secrets {
  const file = join(dataDir, 'secrets.json');
  const kept: Partial<Secrets> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const { secret, apiKey, adminPassword }: Secrets = {
    secret: kept.secret || randomBytes(32).toString('base64url'),
    apiKey: kept.apiKey || newApiKey().key,
    adminPassword: kept.adminPassword || newPassword(),
  };
  // A file of an earlier release lacks what came later.
  if (!kept.secret || !kept.apiKey || !kept.adminPassword) {
    writeFileSync(`${file}.new`, `${JSON.stringify({ ...kept, secret, apiKey, adminPassword }, null, 2)}\n`, {
      mode: 0o600,
    });
    renameSync(`${file}.new`, file);
  }
  return {
    secret: env.POSTHORN_SECRET || secret,
    apiKey: env.POSTHORN_API_KEY || apiKey,
    adminPassword: env.POSTHORN_ADMIN_PASSWORD || adminPassword,
  };
}
