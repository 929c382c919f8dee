// Writes the secrets that docker-compose.yml asks for to .env: made at random, once. What .env says already stays.
// Depends on nothing, so that any Node runs it before the packages are there.
import { randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(new URL('..', import.meta.url)));
const file = resolve(process.argv[2] ?? join(root, '.env'));

const present = existsSync(file) ? readFileSync(file, 'utf8') : '';
const isSet = (name) => new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=\\s*\\S`, 'm').test(present);
// `npm start` reads .env as well; with another API key than the one it made for its data, none would fit, and with
// another secret no link that was sent.
const embedded = readSecrets(join(resolve(root, process.env.POSTHORN_DATA_DIR || '.posthorn'), 'secrets.json'));
const random = () => randomBytes(32).toString('base64url');
const wanted = {
  POSTGRES_PASSWORD: random(),
  POSTHORN_SECRET: embedded.secret ?? random(),
  POSTHORN_API_KEY: embedded.apiKey ?? `ph_${random()}`,
  POSTHORN_ADMIN_PASSWORD: embedded.adminPassword ?? random(),
};

const missing = Object.entries(wanted).filter(([name]) => !isSet(name));
if (missing.length > 0) {
  const lines = missing.map(([name, value]) => `${name}=${value}\n`).join('');
  appendFileSync(file, present === '' || present.endsWith('\n') ? lines : `\n${lines}`, { mode: 0o600 });
  chmodSync(file, 0o600);
}
const made = missing.map(([name]) => name).join(', ');
process.stdout.write(made ? `posthorn: wrote ${made} to ${file}\n` : `posthorn: ${file} has all secrets already\n`);

function readSecrets(secretsFile) {
  return existsSync(secretsFile) ? JSON.parse(readFileSync(secretsFile, 'utf8')) : {};
}
