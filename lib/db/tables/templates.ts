// Templates and their versions: written by the admin service and the commands, read by every stage.
import type { Generated } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';

export type OnNoAnswer = 'resend' | 'park';

export interface TemplateTables {
  templates: TemplatesTable;
  template_versions: TemplateVersionsTable;
}

export interface TemplatesTable {
  template_id: string;
  /** The number it had in the system before; requests may still name it by that. */
  legacy_number: number | null;
  title: string;
  kind: string;
  channel: Channel;
  is_promo: Generated<boolean>;
  on_no_answer: Generated<OnNoAnswer>;
  confidential: Generated<boolean>;
  active_version: number;
  archived_at: Date | null;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
  /** Moves with every change of this row: two people who edit at the same time notice it. */
  revision: Generated<number>;
  updated_by: Generated<string>;
}

export interface TemplateVersionsTable {
  template_id: string;
  version: number;
  subject: Generated<string>;
  html: string | null;
  /** The SMS, or the e-mail's text part; null when that is derived from html. */
  text: string | null;
  from_name: string | null;
  reply_to: string | null;
  /** What was made with it is so, whatever becomes of the template's own mark. */
  confidential: Generated<boolean>;
  created_at: Generated<Date>;
  created_by: Generated<string>;
}
