// A finished mail from a rendered message: what the dispatcher hands to the mail server, byte for byte. The same message
// gives the same bytes, so a repeated send is a true repetition.
import { PermanentError } from '../lib/errors.ts';
import type { NotificationRendered } from '../lib/events.ts';
import { isEmailAddress } from './address.ts';
import { parseMailbox } from './mailbox.ts';
import { encodeBody } from './mime-body.ts';
import { writeMailboxField, writeTextField } from './mime-headers.ts';

export type Mail = Pick<
  NotificationRendered,
  'notification_id' | 'request_id' | 'address' | 'from_name' | 'reply_to' | 'subject' | 'text' | 'html' | 'rendered_at'
>;

export interface MimeOptions {
  /** `name <address>` or an address; a message's `from_name` takes the name's place. */
  mailFrom: string;
  /** The part of Message-IDs behind the @. */
  mailDomain: string;
  /** Further fields, as names and values; they cannot replace one that is here already. */
  extraHeaders?: readonly (readonly [name: string, value: string])[];
}

/**
 * RFC 5322 with MIME: `multipart/alternative` with text first, or `text/plain` alone.
 * @throws PermanentError('invalid_address') for the recipient, PermanentError('invalid_mail') for anything else that
 *   must not be put into a header
 */
export function toMime(mail: Mail, options: MimeOptions): Buffer {
  const { notification_id: id, address } = mail;
  if (!isEmailAddress(address)) throw new PermanentError('invalid_address', 'the address is not one e-mail address');
  let head = `Date: ${writeDate(mail.rendered_at)}\r\nMessage-ID: ${toMessageId(id, options.mailDomain)}\r\n`;
  head += writeFrom(options.mailFrom, mail.from_name);
  if (mail.reply_to !== null) head += writeReplyTo(mail.reply_to);
  head += writeMailboxField('To', '', address);
  head += writeTextField('Subject', mail.subject);
  // RFC 3834, 5: keeps holiday answers from coming back.
  head += 'MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n';
  head += writeTextField('X-Posthorn-Notification', id) + writeTextField('X-Posthorn-Request', mail.request_id);
  if (options.extraHeaders) for (const [name, value] of options.extraHeaders) head += writeExtraField(name, value);

  const boundary = `=_${id}`;
  if (mail.html === null) return Buffer.from(head + writePart('text/plain', mail.text, boundary), 'latin1');
  return Buffer.from(
    `${head}Content-Type: multipart/alternative; boundary="${boundary}"\r\n\r\n` +
      `--${boundary}\r\n${writePart('text/plain', mail.text, boundary)}` +
      `--${boundary}\r\n${writePart('text/html', mail.html, boundary)}` +
      `--${boundary}--\r\n`,
    'latin1',
  );
}

/** The same for every try of a message. */
export function toMessageId(notificationId: string, mailDomain: string): string {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(notificationId))
    throw new PermanentError('invalid_mail', 'notification_id is no id');
  if (!/^[A-Za-z0-9.-]{1,253}$/.test(mailDomain)) throw new PermanentError('invalid_mail', 'MAIL_DOMAIN is no domain');
  return `<${notificationId}@${mailDomain}>`;
}

function writePart(type: string, text: string, boundary: string): string {
  const { encoding, lines } = encodeBody(text, boundary);
  return `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${lines}`;
}

/** RFC 5322, 3.3; UTC. */
function writeDate(atMs: number): string {
  return new Date(atMs).toUTCString().replace('GMT', '+0000');
}

// There are as many senders as templates that have their own.
const fromFields = new Map<string, string>();
const maxFromFields = 500;

function writeFrom(mailFrom: string, fromName: string | null): string {
  const key = `${fromName === null ? 0 : 1}${fromName}\n${mailFrom}`;
  let field = fromFields.get(key);
  if (field === undefined) {
    const sender = parseMailbox(mailFrom);
    if (!sender) throw new PermanentError('invalid_mail', 'MAIL_FROM is not `name <address>`');
    field = writeMailboxField('From', fromName?.trim() || sender.name, sender.address);
    if (fromFields.size >= maxFromFields) fromFields.clear();
    fromFields.set(key, field);
  }
  return field;
}

function writeReplyTo(replyTo: string): string {
  if (!isEmailAddress(replyTo)) throw new PermanentError('invalid_mail', 'reply_to is not one e-mail address');
  return writeMailboxField('Reply-To', '', replyTo);
}

const ownFields =
  /^(?:date|message-id|from|sender|reply-to|to|cc|bcc|subject|mime-version|auto-submitted|x-posthorn-.*|content-.*)$/i;

function writeExtraField(name: string, value: string): string {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(name) || ownFields.test(name)) {
    throw new PermanentError('invalid_mail', 'a further header field has a name that it must not have');
  }
  return writeTextField(name, value);
}
