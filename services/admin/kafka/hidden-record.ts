// Whether a record is looked at without what only its receiver may know. What does not decode, or names a template that is not
// known, counts as confidential: nobody can say that it is not.

import { isUuid } from '../../../domain/ids.ts';
import type { Db } from '../../../lib/db/database.ts';
import { isConfidential } from '../queries/confidential-templates.ts';
import type { OpenedRecord } from './open-record.ts';
import { toRecordFacts } from './record-facts.ts';

export async function isHiddenRecord(db: Db, record: OpenedRecord): Promise<boolean> {
  const { kind } = record.content;
  if (kind === 'tombstone' || record.stored.valueBytes === 0) return false;
  if (kind !== 'event') return true;
  const { templateId, templateVersion, requestId } = toRecordFacts(record);
  if (templateId === undefined || /[^\x20-\x7e]/.test(templateId)) return true;
  const known = requestId !== undefined && isUuid(requestId) ? requestId : undefined;
  return isConfidential(db, { templateId, version: templateVersion, requestId: known });
}
