import { expect, it } from 'vitest';
import { formatLogLine } from './log-line.ts';

const line = JSON.stringify({
  level: 'info',
  time: '2026-11-23T10:20:30.456Z',
  service: 'planner',
  msg: 'request planned',
  requestId: 'r1',
  people: 3,
});

it('shows time, service, level, message and the fields of a JSON line', () => {
  expect(formatLogLine(line, 'planner', undefined)).toBe(
    '10:20:30.456 planner    INFO  request planned requestId=r1 people=3',
  );
});

it('keeps a line that is not JSON as it is, behind the name', () => {
  expect(formatLogLine('Segmentation fault', 'renderer', undefined)).toBe('renderer   Segmentation fault');
  expect(formatLogLine('{broken', 'renderer', undefined)).toBe('renderer   {broken');
});

it('puts the stack of an error under its line and cuts overlong fields', () => {
  const failed = JSON.stringify({
    level: 'error',
    time: '2026-11-23T10:20:30.456Z',
    msg: 'cannot go on',
    detail: 'x'.repeat(200),
    err: { type: 'Error', message: 'no way', stack: 'Error: no way\n    at a.ts:1' },
  });
  const text = formatLogLine(failed, 'ingest', undefined);
  expect(text).toContain('ERROR cannot go on');
  expect(text).toContain(`detail=${'x'.repeat(120)}…`);
  expect(text).toContain('\n    Error: no way\n        at a.ts:1');
});

it('colours the name only when a colour is asked for', () => {
  const escapeCharacter = String.fromCharCode(27);
  expect(formatLogLine(line, 'planner', undefined)).not.toContain(escapeCharacter);
});
