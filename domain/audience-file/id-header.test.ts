import { expect, it } from 'vitest';
import { judgeFirstRow, namesIds, namesPersonId } from './id-header.ts';

it.each([
  'user_id',
  'userid',
  'user-id',
  'USER ID',
  'customerId',
  'Customer No.',
  'Kunden-ID',
  'kundennr',
  'Kundennummer',
  'Mitglieds-Nr.',
  'ID клиента',
  'Идентификатор пользователя',
  'Номер клиента',
  'identifiant du client',
  "Identifiant de l'utilisateur",
  'ID de usuario',
  'numero cliente',
  '用户ID',
  '会員番号',
  'ｕｓｅｒ＿ｉｄ',
])('%s names the id of a person', (name) => expect(namesPersonId(name)).toBe(true));

it.each([
  'id',
  'uuid',
  'order_id',
  'customer',
  'client name',
  'customer group id',
  'referrer_user_id',
  'user_id_old',
  'session id',
  'number of users',
  'user_id2',
  'paid',
  'phone number',
  '',
  `user${'_'.repeat(100)}id`,
])('%s does not', (name) => expect(namesPersonId(name)).toBe(false));

it.each(['id', 'ID', 'UUID', 'ид', 'Identifiant'])('%s names ids of nobody knows whom', (name) => {
  expect([namesPersonId(name), namesIds(name)]).toEqual([false, true]);
});

it('takes no first row for a header that could be a person of many', () => {
  expect(judgeFirstRow('Anna7', ['Bob8', 'u-1'])).toBe('person');
  expect(judgeFirstRow('a1', ['b22', '7', '8'])).toBe('person');
  expect(judgeFirstRow('Spalte 1', ['77', '88'])).toBe('unclear');
});
