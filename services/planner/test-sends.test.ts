import { describe, expect, it } from 'vitest';
import { toRequestRecord } from '../../tests/support/request-record.ts';
import { checkTestSend, type TestSend } from './test-sends.ts';

const noted: TestSend = {
  templateId: 'welcome',
  templateVersion: 4,
  address: 'me@example.com',
  userId: 'ada',
  hasVersion: true,
};
const request = toRequestRecord({ template_id: 'welcome', user_ids: ['ada'] });
const test = { address: 'me@example.com', template_version: 4 };

describe('a test-send', () => {
  it('is taken when the admin service has asked for exactly this', () => {
    expect(() => checkTestSend(request, test, noted)).not.toThrow();
  });

  it.each([
    ['nobody asked for it', 'test_unknown', request, test, undefined],
    ['its address is another', 'test_differs', request, { ...test, address: 'you@example.com' }, noted],
    ['its version is another', 'test_differs', request, { ...test, template_version: 5 }, noted],
    ['its template is another', 'test_differs', { ...request, template_id: 'news' }, test, noted],
    ['its person is another', 'test_differs', { ...request, user_ids: ['bob'] }, test, noted],
    ['its version does not exist', 'template_version_unknown', request, test, { ...noted, hasVersion: false }],
  ])('is refused when %s', (_, code, asked, sent, found) => {
    expect(() => checkTestSend(asked, sent, found)).toThrowError(expect.objectContaining({ code }));
  });
});
