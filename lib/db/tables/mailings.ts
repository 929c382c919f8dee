// What content managers prepare: mailings, the people named in them, and test-sends.
import type { Generated } from 'kysely';
import type { Priority } from '../../topics.ts';

export interface MailingTables {
  mailings: MailingsTable;
  mailing_people: MailingPeopleTable;
  uploads: UploadsTable;
  uploaded_people: UploadedPeopleTable;
  test_sends: TestSendsTable;
}

/** What a content manager wants; what is so stands in `requests`, under the same id. */
export interface MailingsTable {
  mailing_id: string;
  /** Its number in the system before. */
  legacy_number: number | null;
  /** done and cancelled: history of the system before; a mailing of our own ends in `requests`. */
  status: Generated<'draft' | 'confirmed' | 'done' | 'cancelled'>;
  title: string;
  template_id: string | null;
  /** Fixed when it is confirmed; null for a draft and for a recurring one, which takes the active version each time. */
  template_version: number | null;
  priority: Generated<Priority>;
  is_promo: Generated<boolean>;
  /** A JSON object. */
  context: Generated<string>;
  user_categories: Generated<string[]>;
  /** Rows of mailing_people. */
  people_count: Generated<number>;
  /** Null: as soon as it is confirmed. */
  scheduled_at: Date | null;
  /** IANA name; of scheduled_at as it was entered, and of the recurrence. */
  time_zone: Generated<string>;
  /** A cron expression of five fields: then it is a series, and each firing is a request of its own. */
  recurrence: string | null;
  expires_at: Date | null;
  /** Of each firing of a series, from its planned time. */
  expires_after_minutes: number | null;
  /** How many people it was said to go to when it was confirmed. */
  confirmed_count: number | null;
  confirmed_at: Date | null;
  confirmed_by: string | null;
  /** Somebody said that it is to go although it came due more than an hour late. */
  released_at: Date | null;
  /** When the planner made a request of it; set by the planner alone. Null for a series. */
  adopted_at: Date | null;
  revision: Generated<number>;
  created_at: Generated<Date>;
  created_by: Generated<string>;
  updated_at: Generated<Date>;
  updated_by: Generated<string>;
}

export interface MailingPeopleTable {
  mailing_id: string;
  user_id: string;
}

/** The people of a file that is still being sent. */
export interface UploadedPeopleTable {
  upload_id: string;
  batch: number;
  user_ids: string[];
}

export interface UploadsTable {
  upload_id: string;
  started_at: Generated<Date>;
}

export interface TestSendsTable {
  request_id: string;
  template_id: string;
  template_version: number;
  address: string;
  user_id: string;
  created_by: string;
  created_at: Generated<Date>;
}
