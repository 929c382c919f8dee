import { expect, it } from 'vitest';
import { type ApiKeyScope, findRightsFault } from './key-rights.ts';

const keyOf = (...scopes: ApiKeyScope[]) => ({ apiKeyId: 'mine', scopes: new Set(scopes) });
const owners = {
  mine: { kind: 'key', apiKeyId: 'mine' },
  another: { kind: 'key', apiKeyId: 'other' },
  topic: { kind: 'topic' },
  panel: { kind: 'panel' },
} as const;

it.each([
  ['mine', 'read', true],
  ['mine', 'cancel', true],
  ['another', 'read', false],
  ['another', 'cancel', false],
  ['topic', 'read', true],
  ['topic', 'cancel', false],
  ['panel', 'read', false],
  ['panel', 'cancel', false],
] as const)('a key may not do with a request of %s what is not its own to do: %s %s', (whose, what, may) => {
  expect(findRightsFault(keyOf('send', 'read', 'cancel', 'feedback'), owners[whose], what) === undefined).toBe(may);
  expect(findRightsFault(keyOf('admin'), owners[whose], what)).toBeUndefined();
});

it('says which scope would do', () => {
  expect(findRightsFault(keyOf('cancel'), owners.topic, 'cancel')).toBe(
    'This request came by a topic. To cancel it, use a key with the scope "admin".',
  );
});
