// Log-ins that anybody on the way can read or take over: named in the log when a service starts (lifecycle.ts). They are
// no faults, because a network may be trusted; but nobody should find out later.
import type { Environment } from './config.ts';

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** @returns a sentence for each that this service uses; never the log-in itself */
export function findClearLogIns(service: string, env: Environment): string[] {
  const sentences: string[] = [];
  if (env.KAFKA_SASL_MECHANISM && !isTrue(env.KAFKA_SSL) && !env.KAFKA_CA_FILE) {
    const word = /^plain$/i.test(env.KAFKA_SASL_MECHANISM) ? 'The password and all records go' : 'All records go';
    sentences.push(`KAFKA_SASL_MECHANISM is set without KAFKA_SSL. ${word} to Kafka in clear.`);
  }
  for (const { url: name, token, readBy } of overHttp) {
    const url = toUrl(env[name]);
    if (!url || (readBy && !readBy.includes(service))) continue;
    const hasLogIn = url.username !== '' || url.password !== '' || (token !== undefined && Boolean(env[token]));
    if (hasLogIn && url.protocol === 'http:' && !loopback.test(url.hostname)) {
      sentences.push(`${name} is http:// with a log-in or token. They go in clear; use https://.`);
    }
  }
  const smtp = toUrl(env.SMTP_URL);
  const isUnverified = ['false', '0'].includes(env.SMTP_VERIFY_CERTIFICATE ?? '');
  if (service === 'dispatcher' && smtp && smtp.username !== '' && isUnverified && !loopback.test(smtp.hostname)) {
    sentences.push(
      'SMTP_URL has a log-in, and SMTP_VERIFY_CERTIFICATE is false. Any server on the way can take the log-in.',
    );
  }
  return sentences;
}

const overHttp: readonly { url: string; token?: string; readBy?: readonly string[] }[] = [
  { url: 'SCHEMA_REGISTRY_URL' },
  { url: 'USER_SERVICE_URL', token: 'USER_SERVICE_TOKEN', readBy: ['ingest', 'planner', 'enricher', 'admin'] },
  { url: 'SMS_GATEWAY_URL', token: 'SMS_GATEWAY_TOKEN', readBy: ['dispatcher'] },
];

const isTrue = (text: string | undefined): boolean => text === 'true' || text === '1';

function toUrl(text: string | undefined): URL | undefined {
  return text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
}
