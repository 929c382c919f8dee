// Whom mail comes from, as the environment says it: settings of the dispatcher, and of the pages that show a mail as it was
// sent.
import { z } from 'zod';
import { parseMailbox } from './mailbox.ts';

export const senderVariables = {
  MAIL_FROM: z
    .string()
    .refine((text) => parseMailbox(text) !== undefined, { message: 'must be an address, or: name <address>' })
    .default('Posthorn <no-reply@example.com>'),
  /** The sender's domain when not set. */
  MAIL_DOMAIN: z
    .string()
    .regex(/^[A-Za-z0-9.-]{1,253}$/, 'must be a domain')
    .optional(),
};

export interface SenderSettings {
  /** `name <address>` or an address. */
  mailFrom: string;
  /** The bare address, for the envelope. */
  envelopeFrom: string;
  /** The part of Message-IDs behind the @. */
  mailDomain: string;
}

export function toSender(variables: { MAIL_FROM: string; MAIL_DOMAIN?: string | undefined }): SenderSettings {
  const envelopeFrom = parseMailbox(variables.MAIL_FROM)?.address ?? '';
  const mailDomain = variables.MAIL_DOMAIN ?? envelopeFrom.slice(envelopeFrom.lastIndexOf('@') + 1);
  return { mailFrom: variables.MAIL_FROM, envelopeFrom, mailDomain };
}
