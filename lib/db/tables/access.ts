// Who may come in, with what, and what they did: API keys, users of the admin pages, their sessions, the audit log.
import type { Generated } from 'kysely';
import type { ApiKeyScope } from '../../../domain/key-rights.ts';

export interface AccessTables {
  api_keys: ApiKeysTable;
  admin_users: AdminUsersTable;
  admin_sessions: AdminSessionsTable;
  admin_log_in_tries: AdminLogInTriesTable;
  admin_known_addresses: AdminKnownAddressesTable;
  audit: AuditTable;
}

export interface ApiKeysTable {
  api_key_id: string;
  name: string;
  /** SHA-256 of the key; the key itself is shown once and kept nowhere. */
  key_hash: Buffer;
  /** The key's first characters, for people to tell keys apart. */
  key_hint: string;
  scopes: ApiKeyScope[];
  created_at: Generated<Date>;
  revoked_at: Date | null;
}

export interface AdminUsersTable {
  admin_user_id: string;
  name: string;
  roles: string[];
  /** scrypt, in the notation of lib/passwords.ts. */
  password_hash: string;
  must_change_password: Generated<boolean>;
  /** These two are of the release before, which locked a name for everybody. */
  failed_count: Generated<number>;
  locked_until: Date | null;
  created_at: Generated<Date>;
  disabled_at: Date | null;
}

export interface AdminSessionsTable {
  /** SHA-256 of the cookie. */
  token_hash: Buffer;
  admin_user_id: string;
  csrf_token: string;
  created_at: Generated<Date>;
  seen_at: Generated<Date>;
  expires_at: Date;
}

export interface AdminLogInTriesTable {
  /** Of the name that was typed, whether it exists or not; empty for what is counted by address alone. */
  name_hash: Buffer;
  /** An IPv4 address or the /64 of an IPv6 address; empty for what is counted by name alone. */
  address: string;
  try_count: number;
  wait_until: Date;
  forget_at: Date;
}

/** From where somebody has logged in. */
export interface AdminKnownAddressesTable {
  admin_user_id: string;
  address: string;
  seen_at: Generated<Date>;
}

export interface AuditTable {
  audit_id: Generated<number>;
  at: Generated<Date>;
  who: string;
  action: string;
  /** `<what> <id>`, such as `template welcome`. */
  subject: Generated<string>;
  detail: Generated<unknown>;
}
