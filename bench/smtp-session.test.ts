import { describe, expect, it } from 'vitest';
import { createSmtpSession, messageIdOf, type SinkMail, withoutDotStuffing } from './smtp-session.ts';

const mail = 'Message-ID: <one@example.com>\r\nSubject: hello\r\n\r\nfirst\r\n..second\r\n';
const transaction = `MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n${mail}.\r\n`;
const transactionReplies = ['250', '250', '354', '250'];

function open() {
  const mails: SinkMail[] = [];
  const take = createSmtpSession((one) => mails.push(one));
  return {
    mails,
    /** The codes of the replies. */
    say(text: string): string[] {
      const { replies } = take(Buffer.from(text, 'latin1'));
      return replies.split('\r\n').flatMap((line) => (/^\d{3} /.test(line) ? [line.slice(0, 3)] : []));
    },
    take,
  };
}

describe('an SMTP session of the sink', () => {
  it('takes a mail command by command', () => {
    const session = open();
    expect(session.say('EHLO me\r\n')).toEqual(['250']);
    expect(session.say('MAIL FROM:<a@example.com>\r\n')).toEqual(['250']);
    expect(session.say('RCPT TO:<b@example.com>\r\n')).toEqual(['250']);
    expect(session.say('DATA\r\n')).toEqual(['354']);
    expect(session.say(`${mail}.\r\n`)).toEqual(['250']);
    expect(session.mails).toMatchObject([{ recipients: ['b@example.com'], raw: Buffer.from(mail) }]);
    expect(session.take(Buffer.from('QUIT\r\n'))).toEqual({ replies: '221 2.0.0 bye\r\n', isOver: true });
  });

  it('takes several pipelined mails that come as one piece', () => {
    const session = open();
    const replies = session.say(`EHLO me\r\n${transaction}${transaction}RSET\r\n`);
    expect(replies).toEqual(['250', ...transactionReplies, ...transactionReplies, '250']);
    expect(session.mails).toHaveLength(2);
  });

  it('takes the same mail when every byte comes by itself', () => {
    const session = open();
    const replies = [...`EHLO me\r\n${transaction}`].flatMap((character) => session.say(character));
    expect(replies).toEqual(['250', ...transactionReplies]);
    expect(session.mails.map(({ raw }) => raw.toString())).toEqual([mail]);
  });

  it('ends a mail only at a dot that stands alone on its line', () => {
    const session = open();
    session.say('EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n');
    expect(session.say('a\r\n.b\r\n..\r\n.\n.\r')).toEqual([]);
    expect(session.say('\n\r\n.\r\n')).toEqual(['250']);
    expect(session.mails[0]?.raw.toString()).toBe('a\r\n.b\r\n..\r\n.\n.\r\n\r\n');
  });

  it('takes a mail without a single line', () => {
    const session = open();
    expect(session.say('MAIL FROM:<>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n.\r\nNOOP\r\n')).toEqual([
      ...transactionReplies,
      '250',
    ]);
    expect(session.mails[0]?.raw).toHaveLength(0);
  });

  it('counts on a new mail beginning without the recipients of the one before', () => {
    const session = open();
    session.say(transaction);
    expect(session.say('DATA\r\n')).toEqual(['503']);
    session.say('MAIL FROM:<a@example.com>\r\nRCPT TO:<lost@example.com>\r\nRSET\r\n');
    expect(session.say('RCPT TO:<c@example.com>\r\n')).toEqual(['503']);
    session.say('MAIL FROM:<a@example.com>\r\nRCPT TO:<c@example.com>\r\nDATA\r\nx\r\n.\r\n');
    expect(session.mails.map(({ recipients }) => recipients)).toEqual([['b@example.com'], ['c@example.com']]);
  });

  it('ends a connection that sends a line without end', () => {
    const answer = open().take(Buffer.alloc(5_000, 'x'));
    expect(answer).toEqual({ replies: '500 5.5.2 line too long\r\n', isOver: true });
  });

  it('gives back the mail as it was composed', () => {
    expect(withoutDotStuffing(Buffer.from('..a\r\nb..\r\n..\r\n...c\r\n')).toString()).toBe(
      '.a\r\nb..\r\n.\r\n..c\r\n',
    );
  });

  it.each([
    ['Message-ID: <a@b>', 'a@b'],
    ['Subject: x\r\nmessage-id:\r\n <a@b>\r\nTo: c', 'a@b'],
    ['Subject: Message-ID: <a@b>', undefined],
    ['References: <a@b>', undefined],
  ])('reads the Message-ID of %j', (header, expected) => {
    expect(messageIdOf(header)).toBe(expected);
  });
});
