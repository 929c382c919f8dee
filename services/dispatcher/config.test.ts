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
