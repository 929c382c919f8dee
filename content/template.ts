// One version of a template, as the parts that write messages need it. It never changes once it is stored, so what
// was parsed from it can be kept for as long as the object lives.
import type { Channel } from '../domain/ids.ts';

export interface TemplateVersion {
  templateId: string;
  version: number;
  channel: Channel;
  /** E-mail: a Liquid template of one line. SMS: not used. */
  subject: string;
  /** E-mail: the HTML part; null when the mail is text only. SMS: not used. */
  html: string | null;
  /** The SMS, or the e-mail's text part; null when that is derived from `html`. */
  text: string | null;
  /** E-mail: display name of the sender; null for the service's own. */
  fromName: string | null;
  /** E-mail: one address for answers. */
  replyTo: string | null;
}
