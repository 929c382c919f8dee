import { expect, it } from 'vitest';
import { embeddedParts, explicitPorts, isWhollyEmbedded, portsOfParts, serviceEnvironment } from './environment.ts';
import { defaultPorts } from './ports.ts';

it('starts every part when nothing is set, and an empty variable counts as not set', () => {
  const all = ['kafka', 'registry', 'postgres', 'inbox', 'user-mock'];
  expect(embeddedParts({})).toEqual(all);
  expect(embeddedParts({ KAFKA_BROKERS: '' })).toEqual(all);
});

it('leaves out a part whose variable is set', () => {
  const env = { KAFKA_BROKERS: 'k:9092', SMTP_URL: 'smtp://mail', DATABASE_URL: 'postgres://db' };
  expect(embeddedParts(env)).toEqual(['registry', 'user-mock']);
  expect(portsOfParts(embeddedParts(env))).toEqual(['registry', 'registryManagement', 'userMock']);
});

it('keeps the user-mock while one of its two halves is still needed', () => {
  expect(embeddedParts({ USER_SERVICE_URL: 'http://users' })).toContain('user-mock');
  expect(embeddedParts({ USER_SERVICE_URL: 'http://users', SMS_GATEWAY_URL: 'http://sms' })).not.toContain('user-mock');
});

it('gives services the addresses of what was started, but what a person set wins', () => {
  const env = { SMTP_URL: 'smtp://mail.example:25', USER_SERVICE_URL: '', LOG_LEVEL: 'debug' };
  const started = { KAFKA_BROKERS: '127.0.0.1:9092', SMTP_URL: 'smtp://inbox', USER_SERVICE_URL: 'http://mock' };
  expect(serviceEnvironment(env, started, defaultPorts)).toEqual({
    KAFKA_BROKERS: '127.0.0.1:9092',
    SMTP_URL: 'smtp://mail.example:25',
    USER_SERVICE_URL: 'http://mock',
    LOG_LEVEL: 'debug',
    INGEST_PORT: '8001',
    ADMIN_PORT: '8000',
    PUBLIC_URL: 'http://127.0.0.1:8001',
  });
});

it('knows the ports that a person set', () => {
  expect(explicitPorts({ INGEST_PORT: '7001', ADMIN_PORT: '' })).toEqual({ ingest: 7001 });
});

it('is wholly embedded only without a mail server, SMS gateway and database of somebody else', () => {
  expect(isWhollyEmbedded({ KAFKA_BROKERS: 'k:9092' })).toBe(true);
  for (const variable of ['DATABASE_URL', 'SMTP_URL', 'SMS_GATEWAY_URL']) {
    expect(isWhollyEmbedded({ [variable]: 'real' })).toBe(false);
  }
});
