// What no stage can work with, whoever wrote the record: ids, times and names that a statement for hundreds of records, or
// a call for hundreds of people, must not meet. Without this, one crafted record fails, or holds up, all that stand beside it.

import { isUserId, isUuid } from '../domain/ids.ts';
import { PermanentError } from './errors.ts';

/** The fields that records of the pipeline share; each record has some of them. */
interface SharedFields {
  notification_id?: string;
  request_id: string;
  chunk_id: string;
  user_id?: string;
  user_ids?: readonly string[];
  template_id: string;
  template_kind?: string;
  requested_at: number;
  planned_at?: number | null;
  enriched_at?: number | null;
  rendered_at?: number;
  ended_at?: number;
  expires_at?: number | null;
}

const uuids = ['notification_id', 'request_id', 'chunk_id'] as const;
const times = ['requested_at', 'planned_at', 'enriched_at', 'rendered_at', 'ended_at', 'expires_at'] as const;
const names = ['template_id', 'template_kind'] as const;
/** Year 9999: what is later, Postgres and dates cannot both hold. */
const latestMs = 253_402_300_799_000;

/** @returns why the record is refused, undefined when it is sound */
export function findRecordFault(event: SharedFields): PermanentError | undefined {
  const fault = (what: string) => new PermanentError('record_invalid', what);
  for (const field of uuids) {
    const id = event[field];
    if (id !== undefined && !isUuid(id)) return fault(`${field} is not a UUID`);
  }
  if (event.user_id !== undefined && !isUserId(event.user_id)) return fault('user_id is not a user id');
  const wrongId = event.user_ids?.findIndex((id) => !isUserId(id)) ?? -1;
  if (wrongId >= 0) return fault(`user_ids/${wrongId} is not a user id`);
  for (const field of times) {
    const time = event[field] ?? 0;
    if (!(time >= 0 && time <= latestMs)) return fault(`${field} is not a time`);
  }
  // Postgres holds no NUL in a text.
  for (const field of names) if (event[field]?.includes('\0')) return fault(`${field} holds a NUL`);
  return undefined;
}
