import { expect, it } from 'vitest';
import { readSettings } from './settings.ts';

const refused = expect.objectContaining({ code: 'settings_invalid' });

it('loads the demo by itself only when everything is embedded, or when asked to', () => {
  expect(readSettings([], {}, '/r').demo).toBe(true);
  expect(readSettings([], { SMTP_URL: 'smtp://real' }, '/r').demo).toBe(false);
  expect(readSettings(['--demo'], { SMTP_URL: 'smtp://real' }, '/r').demo).toBe(true);
});

it('keeps its data in .posthorn of the repository unless another folder is named', () => {
  expect(readSettings([], {}, '/r').dataDir).toBe('/r/.posthorn');
  expect(readSettings([], { POSTHORN_DATA_DIR: 'x' }, '/r').dataDir).toBe('/r/x');
  expect(readSettings([], { POSTHORN_DATA_DIR: '/var/x' }, '/r').dataDir).toBe('/var/x');
});

it('refuses unknown flags, an offset that is no number and an impossible port', () => {
  expect(() => readSettings(['--fresch'], {}, '/r')).toThrow(refused);
  expect(() => readSettings([], { POSTHORN_PORT_OFFSET: 'ten' }, '/r')).toThrow(refused);
  expect(() => readSettings([], { INGEST_PORT: '70000' }, '/r')).toThrow(refused);
});
