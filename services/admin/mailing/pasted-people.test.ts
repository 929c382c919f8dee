import { expect, it } from 'vitest';
import { DependencyError } from '../../../lib/errors.ts';
import { describeUnknown, readPasted } from './pasted-people.ts';

it('takes pasted ids apart, wherever one ends', () => {
  const { ids, fault } = readPasted('u-1, u-2;u-3\n\n "u-4"\tu-5 ');
  expect([ids, fault]).toEqual([['u-1', 'u-2', 'u-3', 'u-4', 'u-5'], undefined]);
});

it('takes no list mark of pasted lines for a person', () => {
  const { ids } = readPasted('- u-1\n* u-2\n  • u-3\n1. u-4\n2) u-5\n-u-6');
  expect(ids).toEqual(['u-1', 'u-2', 'u-3', 'u-4', 'u-5', '-u-6']);
});

it.each([
  ['user_id\n1001', 'user_id'],
  ['client\n1001\n1002', 'client'],
  ['User ID\nanna', 'User ID'],
  ['Идентификатор клиента\n1001', 'Идентификатор клиента'],
  ['Gold customers:\n- u-1\n- u-2', 'Gold customers:'],
])('takes the header of %j for no person', (text, header) => {
  const pasted = readPasted(text);
  expect([pasted.header, pasted.fault, pasted.ids.length]).toEqual([header, undefined, text.split('\n').length - 1]);
});

it.each(['address;user_id\nMain St 5,1002;1001', 'id,name\n1,2', 'user_id 1001 1002', 'name\tKunden-ID\nAda\t7'])(
  'takes no table apart: %j',
  (text) => expect(readPasted(text)).toMatchObject({ ids: [], fault: expect.stringContaining('table') }),
);

it('tells wrong ones by their line', () => {
  expect(readPasted('u-1\n\n1.5E+15')).toMatchObject({
    fault: '1 of 2 are not user ids, so nothing was saved.',
    rowFaults: [{ line: 3, text: '1.5E+15', why: expect.stringContaining('text') }],
  });
});

it('tells which of them the user service does not know, and where', async () => {
  const pasted = readPasted('7, 8\nMain St 5,1002;1001');
  const users = { fetchUsers: async () => new Map(['7', '8', '1001', '1002'].map((id) => [id, { fault: '' }])) };
  expect(await describeUnknown(users, pasted)).toEqual([
    '3 of the pasted ids are unknown to the user service: “Main” on line 2, “St” on line 2, “5” on line 2.',
  ]);
  const fetchUsers = () => Promise.reject(new DependencyError('user-service', 'down'));
  expect(await describeUnknown({ fetchUsers }, pasted)).toEqual([expect.stringContaining('does not answer')]);
});
