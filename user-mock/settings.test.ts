import { expect, it } from 'vitest';
import { readSettings, SettingsError } from './settings.ts';

it('needs no variable, and takes an empty one as not set', () => {
  const settings = readSettings({ USER_MOCK_PORT: '', USER_SERVICE_TOKEN: '' });
  expect(settings).toMatchObject({ port: 8002, host: '127.0.0.1', userServiceToken: undefined });
  expect(settings.knobs).toEqual({
    delay_ms: 0,
    error_rate: 0,
    garbage_rate: 0,
    hang_rate: 0,
    busy_rate: 0,
    routes: 'all',
  });
});

it('reads port, host, knobs and tokens', () => {
  const settings = readSettings({
    USER_MOCK_PORT: '0',
    BIND_HOST: '0.0.0.0',
    USER_MOCK_DELAY_MS: '20',
    USER_MOCK_BUSY_RATE: '0.25',
    USER_MOCK_ROUTES: 'sms',
    SMS_GATEWAY_TOKEN: 't',
  });
  expect(settings).toMatchObject({ port: 0, host: '0.0.0.0', smsGatewayToken: 't' });
  expect(settings.knobs).toMatchObject({ delay_ms: 20, busy_rate: 0.25, routes: 'sms' });
});

it('names every variable that is wrong at once', () => {
  const read = () =>
    readSettings({
      USER_MOCK_PORT: '80000',
      USER_MOCK_ERROR_RATE: 'often',
      USER_MOCK_ROUTES: 'mail',
      USER_MOCK_HANG_RATE: '1.5',
    });
  expect(read).toThrow(SettingsError);
  for (const name of ['USER_MOCK_PORT', 'USER_MOCK_ERROR_RATE', 'USER_MOCK_ROUTES', 'USER_MOCK_HANG_RATE']) {
    expect(read).toThrow(name);
  }
});
