// To whom nothing, or nothing promotional, is sent, and what was reported of addresses.
import type { Generated } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';

export interface ConsentTables {
  suppressions: SuppressionsTable;
  unsubscribes: UnsubscribesTable;
  feedback: FeedbackTable;
  known_addresses: KnownAddressesTable;
  erased_people: ErasedPeopleTable;
}

export interface SuppressionsTable {
  channel: Channel;
  address: string;
  /** What is not sent to it. */
  scope: Generated<'all' | 'promotional'>;
  reason: string;
  detail: Generated<string>;
  /** The key whose report made it so; null: a mail server's answer, or a person. */
  api_key_id: Generated<string | null>;
  created_at: Generated<Date>;
}

export interface UnsubscribesTable {
  user_id: string;
  channel: Channel;
  source: 'page' | 'one_click' | 'admin';
  /** Whose message carried the link; null where nobody knows. */
  request_id: Generated<string | null>;
  created_at: Generated<Date>;
}

export interface FeedbackTable {
  /** Computed from what was reported: the same report twice is one row. */
  feedback_id: string;
  type: 'bounce' | 'complaint';
  notification_id: string | null;
  channel: Generated<Channel>;
  address: string | null;
  /** An enhanced status code, or what the reporter said. */
  status: Generated<string>;
  happened_at: Date;
  api_key_id: Generated<string | null>;
  received_at: Generated<Date>;
}

/** Of people who ended before the ledger had their address. */
export interface KnownAddressesTable {
  /** domain/keyed-hash.ts, of the address. */
  hash: Buffer;
  user_id: string;
  channel: Channel;
  seen_at: Generated<Date>;
}

export interface ErasedPeopleTable {
  /** domain/keyed-hash.ts, of an id or an address. */
  hash: Buffer;
  subject: 'person' | Channel;
  /** What is not sent to it. */
  scope: Generated<'all' | 'promotional'>;
  erased_at: Generated<Date>;
}
