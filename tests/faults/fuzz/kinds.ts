// Every kind of generated input, in the order in which they are tried.
import type { FuzzKind } from './kind.ts';
import { avroRecords } from './kinds/avro-records.ts';
import { csvUploads } from './kinds/csv-files.ts';
import { adminCalls, ingestCalls } from './kinds/http-calls.ts';
import { jsonTexts } from './kinds/json-texts.ts';
import { peopleUploads } from './kinds/people-files.ts';
import { recordBatches } from './kinds/record-batches.ts';
import { smsAnswers } from './kinds/sms-answers.ts';
import { smtpAnswers } from './kinds/smtp-answers.ts';
import { templateRenderings } from './kinds/template-renderings.ts';
import { textParts } from './kinds/text-parts.ts';
import { userAnswers } from './kinds/user-answers.ts';
import { wholeSystem } from './kinds/whole-system.ts';

export const fuzzKinds: readonly FuzzKind[] = [
  smtpAnswers,
  smsAnswers,
  jsonTexts,
  avroRecords,
  recordBatches,
  csvUploads,
  peopleUploads,
  templateRenderings,
  textParts,
  userAnswers,
  ingestCalls,
  adminCalls,
  wholeSystem,
];
