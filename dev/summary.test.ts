import { expect, it } from 'vitest';
import { requestToPaste, withoutPassword } from './summary.ts';

it('prints a curl whose body is the JSON that ingest takes', () => {
  const text = requestToPaste('http://127.0.0.1:8001', 'ph_k', 'u1');
  expect(text).toContain('http://127.0.0.1:8001/api/v1/send_notification');
  expect(text).toContain("'Authorization: Bearer ph_k'");
  const body = /-d '(.*)'$/s.exec(text)?.[1] ?? '';
  expect(JSON.parse(body)).toEqual({ event: { template_id: 'welcome', priority: 'high', user_ids: ['u1'] } });
});

it('never shows the password of a real server', () => {
  expect(withoutPassword('smtp://joe:s3cret@mail.example:25')).not.toContain('s3cret');
  expect(withoutPassword('smtp://mail.example:25')).toContain('mail.example:25');
});
