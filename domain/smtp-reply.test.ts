import { expect, it } from 'vitest';
import { knownReplies } from '../tests/support/smtp-replies.ts';
import { findRow, readSmtpReply, type SmtpReply } from './smtp-reply.ts';
import { isStatusOfDeadAddress, smtpTable } from './smtp-table.ts';

const toReply = ({ to, says }: { to: SmtpReply['to']; says: string }): SmtpReply => ({
  to,
  code: Number(says.slice(0, 3)),
  text: says,
});

it.each(knownReplies)('$from to $to: $says → $about', ({ about, reason = 'refused', isDead = false, ...one }) => {
  expect(readSmtpReply(toReply(one))).toMatchObject({ about, reason, isDeadAddress: isDead });
});

it('has a reply of a real server for every row of the table', () => {
  const decided = new Set(knownReplies.map((one) => findRow(toReply(one))));
  expect(smtpTable.filter((row) => !decided.has(row)).map(({ source }) => source)).toEqual([]);
});

it('never takes an address for dead that is refused for another time only', () => {
  for (const one of knownReplies) {
    const later = { ...one, says: one.says.replaceAll(/^5/gm, '4').replace(/5(\.\d+\.\d+)/, '4$1') };
    expect(readSmtpReply(toReply(later)).isDeadAddress).toBe(false);
  }
});

it('reads the words of the reply and not those of the address in it', () => {
  const says = '550 <user-unknown@people.example>: policy';
  expect(readSmtpReply(toReply({ to: 'RCPT', says })).about).toBe('doubt');
});

it('counts five codes as an address that will never work', () => {
  const codes = ['5.1.1', '5.1.2', '5.1.3', '5.1.6', '5.1.10'];
  expect(codes.every(isStatusOfDeadAddress)).toBe(true);
  expect(['5.7.26', '5.3.4', '5.2.2', '4.1.1', '5.1.0', '5.1.100', '5.1.1 ', ''].some(isStatusOfDeadAddress)).toBe(
    false,
  );
});
