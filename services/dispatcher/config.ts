// The dispatcher's settings, from the environment.
import { z } from 'zod';
import { senderVariables, toSender } from '../../content/sender.ts';
import {
  count,
  type Environment,
  flag,
  port,
  readConfig,
  stageVariables,
  toStageSettings,
  url,
} from '../../lib/config.ts';
import { ConfigError } from '../../lib/errors.ts';
import { type SmtpSettings, smtpTlsModes } from './transports/smtp-settings.ts';

export const dispatcherVariables = z.object({
  ...stageVariables,
  SMTP_URL: url('smtp:', 'smtps:'),
  /** Whether a session is encrypted; when not set: required where anything asks for it, otherwise opportunistic. */
  SMTP_TLS: z
    .string()
    .toLowerCase()
    .pipe(z.enum(smtpTlsModes, { error: `must be one of ${smtpTlsModes.join(', ')}` }))
    .optional(),
  /** Whether the mail server's certificate must be valid; when not set: where TLS is required. */
  SMTP_VERIFY_CERTIFICATE: flag.optional(),
  SMTP_CONNECTIONS_HIGH: count(1, 200).default(4),
  SMTP_CONNECTIONS_MEDIUM: count(1, 200).default(4),
  SMTP_CONNECTIONS_LOW: count(1, 200).default(8),
  /** Messages that all dispatchers together start in a second; no limit when not set. */
  SMTP_RATE_PER_SECOND: count(1, 100_000).optional(),
  SMTP_MESSAGES_PER_CONNECTION: count(1, 1_000_000).default(1_000),
  SMTP_IDLE_MS: count(1_000, 600_000).default(20_000),
  SMTP_CONNECT_TIMEOUT_MS: count(100, 60_000).default(10_000),
  SMTP_ANSWER_TIMEOUT_MS: count(100, 600_000).default(30_000),
  SMS_GATEWAY_URL: url('http:', 'https:'),
  SMS_GATEWAY_TOKEN: z.string().optional(),
  SMS_TIMEOUT_MS: count(100, 60_000).default(10_000),
  SMS_CONNECTIONS: count(1, 200).default(8),
  /** As SMTP_RATE_PER_SECOND. */
  SMS_RATE_PER_SECOND: count(1, 100_000).optional(),
  /** Of what waits in Postgres, by lane: while a channel is down its messages wait there until so much does. */
  WAITING_MAX_MB: count(0, 100_000).default(64),
  ...senderVariables,
  OPS_PORT: port.default(9104),
});

export type DispatcherConfig = ReturnType<typeof readDispatcherConfig>;

/** @throws ConfigError naming every variable that is missing or wrong */
export function readDispatcherConfig(env: Environment) {
  const variables = readConfig(dispatcherVariables, env);
  return {
    ...toStageSettings(variables, variables.OPS_PORT),
    smtp: toSmtpSettings(variables),
    smtpConnections: {
      high: variables.SMTP_CONNECTIONS_HIGH,
      medium: variables.SMTP_CONNECTIONS_MEDIUM,
      low: variables.SMTP_CONNECTIONS_LOW,
    },
    smtpMessagesPerConnection: variables.SMTP_MESSAGES_PER_CONNECTION,
    smtpIdleMs: variables.SMTP_IDLE_MS,
    sms: {
      url: variables.SMS_GATEWAY_URL,
      token: variables.SMS_GATEWAY_TOKEN,
      timeoutMs: variables.SMS_TIMEOUT_MS,
    },
    smsConnections: variables.SMS_CONNECTIONS,
    ratePerSecond: { email: variables.SMTP_RATE_PER_SECOND, sms: variables.SMS_RATE_PER_SECOND },
    maxWaitingBytes: variables.WAITING_MAX_MB * 1024 * 1024,
    sender: toSender(variables),
  };
}

/** @throws ConfigError when SMTP_TLS would let go in clear what something else keeps from it; when half a log-in is given */
function toSmtpSettings(variables: z.output<typeof dispatcherVariables>): SmtpSettings {
  const { hostname, port, protocol } = new URL(variables.SMTP_URL);
  const secure = protocol === 'smtps:';
  const login = toLogin(variables.SMTP_URL);
  const tls = toTlsMode(variables.SMTP_TLS, [
    ...(secure ? ['smtps:// in SMTP_URL'] : []),
    ...(login ? ['a log-in in SMTP_URL'] : []),
    ...(variables.SMTP_VERIFY_CERTIFICATE ? ['SMTP_VERIFY_CERTIFICATE'] : []),
  ]);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (secure ? 465 : 25) : Number(port),
    secure,
    tls,
    verifyCertificate: variables.SMTP_VERIFY_CERTIFICATE ?? tls === 'required',
    login,
    connectTimeoutMs: variables.SMTP_CONNECT_TIMEOUT_MS,
    answerTimeoutMs: variables.SMTP_ANSWER_TIMEOUT_MS,
  };
}

/** Where nothing asks for more, TLS is opportunistic (RFC 7435): some encryption is better than none. */
function toTlsMode(wanted: SmtpSettings['tls'] | undefined, requiredBy: readonly string[]): SmtpSettings['tls'] {
  if (requiredBy.length === 0) return wanted ?? 'opportunistic';
  if (wanted === undefined || wanted === 'required') return 'required';
  throw new ConfigError([
    `SMTP_TLS: ${wanted} contradicts ${requiredBy.join(' and ')}, with which nothing goes in clear; leave one of them out`,
  ]);
}

function toLogin(smtpUrl: string): SmtpSettings['login'] {
  const { username, password } = new URL(smtpUrl);
  if (username === '' && password === '') return undefined;
  // A log-in that is not whole would never be used, or be refused by every server.
  if (username === '' || password === '') {
    throw new ConfigError(['SMTP_URL: a log-in needs a user and a password, such as smtp://user:password@host:587']);
  }
  try {
    return { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  } catch {
    throw new ConfigError(['SMTP_URL: in user and password a % stands as %25']);
  }
}
