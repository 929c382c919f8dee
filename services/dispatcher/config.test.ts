import { expect, it } from 'vitest';
import { ConfigError } from '../../lib/errors.ts';
import { readDispatcherConfig } from './config.ts';

const env = {
  KAFKA_BROKERS: 'kafka:9092',
  SCHEMA_REGISTRY_URL: 'http://registry/apis',
  DATABASE_URL: 'postgres://db/posthorn',
  SMTP_URL: 'smtp://mail.example',
  SMS_GATEWAY_URL: 'http://sms.example/sms',
};

it('takes host, port, log-in and encryption from SMTP_URL', () => {
  expect(readDispatcherConfig(env).smtp).toMatchObject({
    host: 'mail.example',
    port: 25,
    secure: false,
    login: undefined,
    verifyCertificate: false,
  });
  const smtps = readDispatcherConfig({ ...env, SMTP_URL: 'smtps://us%40er:p%3Ass@mail.example' }).smtp;
  expect(smtps).toMatchObject({
    port: 465,
    secure: true,
    login: { user: 'us@er', pass: 'p:ss' },
    verifyCertificate: true,
  });
  expect(readDispatcherConfig({ ...env, SMTP_URL: 'smtp://[::1]:2525' }).smtp).toMatchObject({
    host: '::1',
    port: 2525,
  });
});

it('checks the certificate once a password is at stake, unless told otherwise', () => {
  const SMTP_URL = 'smtp://user:pass@mail.example:587';
  expect(readDispatcherConfig({ ...env, SMTP_URL }).smtp.verifyCertificate).toBe(true);
  expect(readDispatcherConfig({ ...env, SMTP_URL, SMTP_VERIFY_CERTIFICATE: 'false' }).smtp.verifyCertificate).toBe(
    false,
  );
});

const tlsOf = (changes: Record<string, string>) => {
  const { tls, verifyCertificate } = readDispatcherConfig({ ...env, ...changes }).smtp;
  return `${tls}${verifyCertificate ? ', verified' : ''}`;
};
const withLogIn = { SMTP_URL: 'smtp://user:pass@127.0.0.1:587' };
const smtps = { SMTP_URL: 'smtps://mail.example' };
const verified = { SMTP_VERIFY_CERTIFICATE: 'true' };
const unverified = { SMTP_VERIFY_CERTIFICATE: 'false' };

it.each<[Record<string, string>, string]>([
  [{}, 'opportunistic'],
  [unverified, 'opportunistic'],
  [verified, 'required, verified'],
  [withLogIn, 'required, verified'],
  [smtps, 'required, verified'],
  [{ ...withLogIn, ...unverified }, 'required'],
  [{ ...smtps, ...unverified }, 'required'],
  [{ SMTP_TLS: 'required' }, 'required, verified'],
  [{ SMTP_TLS: 'REQUIRED', ...unverified }, 'required'],
  [{ SMTP_TLS: 'required', ...withLogIn }, 'required, verified'],
  [{ SMTP_TLS: 'opportunistic' }, 'opportunistic'],
  [{ SMTP_TLS: 'off' }, 'off'],
  [{ SMTP_TLS: 'off', ...unverified }, 'off'],
  [{ SMTP_TLS: '' }, 'opportunistic'],
])('requires TLS where anything asks for it, and checks the certificate then: %o is %s', (changes, expected) => {
  expect(tlsOf(changes)).toBe(expected);
});

it.each<[Record<string, string>, RegExp]>([
  [{ SMTP_TLS: 'off', ...withLogIn }, /SMTP_TLS: off contradicts a log-in in SMTP_URL/],
  [{ SMTP_TLS: 'opportunistic', ...withLogIn, ...unverified }, /SMTP_TLS: opportunistic contradicts a log-in/],
  [{ SMTP_TLS: 'off', ...smtps }, /SMTP_TLS: off contradicts smtps:/],
  [{ SMTP_TLS: 'off', ...verified }, /SMTP_TLS: off contradicts SMTP_VERIFY_CERTIFICATE/],
  [{ SMTP_TLS: 'opportunistic', ...verified }, /SMTP_TLS: opportunistic contradicts SMTP_VERIFY_CERTIFICATE/],
  [{ SMTP_TLS: 'starttls' }, /SMTP_TLS: must be one of required, opportunistic, off/],
  [{ SMTP_TLS: 'true' }, /SMTP_TLS: must be one of/],
  [{ SMTP_URL: 'smtp://user@mail.example' }, /SMTP_URL: a log-in needs a user and a password/],
  [{ SMTP_URL: 'smtp://:pass@mail.example' }, /SMTP_URL: a log-in needs a user and a password/],
  [{ SMTP_URL: 'smtp://user:50%@mail.example' }, /SMTP_URL: in user and password a % stands as %25/],
])('says what is wrong with %o', (changes, message) => {
  const read = () => tlsOf(changes);
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(message);
  expect(read).not.toThrow(/pass@|50%/);
});

it("takes the Message-IDs' domain from the sender when it is not set", () => {
  const MAIL_FROM = 'Lumen <post@lumen.example>';
  expect(readDispatcherConfig({ ...env, MAIL_FROM }).sender).toEqual({
    mailFrom: MAIL_FROM,
    envelopeFrom: 'post@lumen.example',
    mailDomain: 'lumen.example',
  });
  expect(readDispatcherConfig({ ...env, MAIL_DOMAIN: 'ids.example' }).sender.mailDomain).toBe('ids.example');
});

it('names every fault at once', () => {
  const broken = { ...env, SMTP_URL: 'http://mail', MAIL_FROM: 'nobody', SMS_GATEWAY_URL: '' };
  const read = () => readDispatcherConfig(broken);
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(/SMTP_URL.*SMS_GATEWAY_URL is not set.*MAIL_FROM/s);
});
