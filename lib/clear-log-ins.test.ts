import { expect, it } from 'vitest';
import { findClearLogIns } from './clear-log-ins.ts';

const names = (service: string, env: Record<string, string>) =>
  findClearLogIns(service, env).map((sentence) => /^\w+/.exec(sentence)?.[0]);

it.each([
  { KAFKA_SASL_MECHANISM: 'plain' },
  { KAFKA_SASL_MECHANISM: 'scram-sha-512', KAFKA_SSL: 'false' },
  { KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256', KAFKA_SSL: '0', KAFKA_CA_FILE: '' },
])('warns of a Kafka log-in without TLS: %o', (env) => {
  expect(names('planner', env)).toEqual(['KAFKA_SASL_MECHANISM']);
});

it.each([
  {},
  { KAFKA_SASL_MECHANISM: '' },
  { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SSL: 'true' },
  { KAFKA_SASL_MECHANISM: 'plain', KAFKA_CA_FILE: '/ca.pem' },
  { SMTP_URL: 'smtp://user:secret@mail.example:587' },
  { SMTP_URL: 'smtp://mail.example', SMTP_VERIFY_CERTIFICATE: 'false' },
  { SMTP_URL: 'smtp://user:secret@127.0.0.1:587', SMTP_VERIFY_CERTIFICATE: 'false' },
  { SMTP_URL: 'smtp://user:secret@[::1]:587', SMTP_VERIFY_CERTIFICATE: 'false' },
  { SMS_GATEWAY_URL: 'http://localhost/sms', SMS_GATEWAY_TOKEN: 'secret' },
  { SMS_GATEWAY_URL: 'http://sms.example/sms' },
  { SMS_GATEWAY_URL: 'https://sms.example/sms', SMS_GATEWAY_TOKEN: 'secret' },
  { SCHEMA_REGISTRY_URL: 'https://user:secret@registry.example' },
  { SCHEMA_REGISTRY_URL: 'not a URL' },
])('is quiet where nothing goes in clear, or nothing leaves the machine: %o', (env) => {
  expect(findClearLogIns('dispatcher', env)).toEqual([]);
});

it('warns of log-ins and tokens over HTTP, and of a mail server that anybody can play, each service of its own', () => {
  const env = {
    SCHEMA_REGISTRY_URL: 'http://user:secret@registry.example/apis',
    USER_SERVICE_URL: 'http://users.example',
    USER_SERVICE_TOKEN: 'secret',
    SMS_GATEWAY_URL: 'http://:secret@sms.example/sms',
    SMTP_URL: 'smtps://user:secret@mail.example',
    SMTP_VERIFY_CERTIFICATE: '0',
  };
  expect(names('dispatcher', env)).toEqual(['SCHEMA_REGISTRY_URL', 'SMS_GATEWAY_URL', 'SMTP_URL']);
  expect(names('enricher', env)).toEqual(['SCHEMA_REGISTRY_URL', 'USER_SERVICE_URL']);
  expect(findClearLogIns('dispatcher', env).join()).not.toContain('secret');
});
