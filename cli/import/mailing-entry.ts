// One `admin_panel.mailingtask` of the dump as a mailing of ours. `context` held the audience besides the variables.

import { findContextFault } from '../../domain/context.ts';
import { isUserId } from '../../domain/ids.ts';
import type { Priority } from '../../lib/topics.ts';
import { type Entry, isObject } from './dump.ts';
import { createFieldReader, type Faults, type FieldReader, maxInteger, quote } from './fields.ts';

export const mailingModel = 'admin_panel.mailingtask';

export const mailingFields: readonly string[] = [
  'status',
  'is_promo',
  'priority',
  'template',
  'context',
  'scheduled_datetime',
  'execution_datetime',
  'created_at',
  'updated_at',
];

export type OldStatus = 'pending' | 'done' | 'cancelled';

export interface OldMailing {
  entry: Entry;
  legacyNumber: number;
  status: OldStatus;
  isPromo: boolean;
  priority: Priority;
  /** The template's old number. */
  template: number | null;
  /** The text of a JSON object, without the audience. */
  context: string;
  /** Each once. */
  userIds: string[];
  userCategories: string[];
  scheduledAt: Date | null;
  executedAt: Date | null;
  createdAt: Date | null;
  updatedAt: Date | null;
}

const statuses: readonly OldStatus[] = ['pending', 'done', 'cancelled'];
const priorities: readonly Priority[] = ['high', 'medium', 'low'];
/** As the planner takes them (services/planner/plan.ts). */
const categoryPattern = /^[\p{L}\p{N}._:-]{1,64}$/u;
const maxCategories = 100;

/** @returns undefined when it has faults */
export function readMailing(entry: Entry, faults: Faults, timeZone: string | undefined): OldMailing | undefined {
  const read = createFieldReader(entry, faults, timeZone);
  const { user_ids: ids, user_categories: categories, ...variables } = readContext(read, entry.fields.context);
  const context = JSON.stringify(variables);
  const contextFault = findContextFault(context);
  if (contextFault) read.fault('context', contextFault);
  const mailing: OldMailing = {
    entry,
    legacyNumber: read.pk(maxInteger),
    status: read.oneOf('status', statuses),
    isPromo: read.boolean('is_promo'),
    priority: read.oneOf('priority', priorities),
    template: read.reference('template'),
    context,
    userIds: readUserIds(read, ids),
    userCategories: readCategories(read, categories),
    scheduledAt: read.time('scheduled_datetime'),
    executedAt: read.time('execution_datetime'),
    createdAt: read.time('created_at'),
    updatedAt: read.time('updated_at'),
  };
  return read.hasFault() ? undefined : mailing;
}

/** An object; older Django versions write a JSON field as the text of one. */
function readContext(read: FieldReader, value: unknown): Record<string, unknown> {
  if (value === null || value === undefined || value === '') return {};
  const parsed = typeof value === 'string' ? tryToParse(value) : value;
  if (isObject(parsed)) return parsed;
  read.fault('context', `must be a JSON object, and is ${quote(value)}`);
  return {};
}

function tryToParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readUserIds(read: FieldReader, value: unknown): string[] {
  const ids = readList(read, 'context/user_ids', value).map((id) => (Number.isSafeInteger(id) ? String(id) : id));
  const wrong = ids.findIndex((id) => typeof id !== 'string' || !isUserId(id));
  if (wrong >= 0) {
    read.fault(`context/user_ids/${wrong}`, `must be 1 to 64 of A-Z a-z 0-9 . _ : -, and is ${quote(ids[wrong])}`);
  }
  return [...new Set(ids as string[])];
}

function readCategories(read: FieldReader, value: unknown): string[] {
  const names = readList(read, 'context/user_categories', value);
  const wrong = names.findIndex((name) => typeof name !== 'string' || !categoryPattern.test(name));
  if (wrong >= 0) {
    const message = `must be 1 to 64 letters, digits and . _ : -, and is ${quote(names[wrong])}`;
    read.fault(`context/user_categories/${wrong}`, message);
  }
  const unique = [...new Set(names as string[])];
  if (unique.length > maxCategories) {
    read.fault('context/user_categories', `holds ${unique.length} categories; ${maxCategories} are allowed`);
  }
  return unique;
}

function readList(read: FieldReader, place: string, value: unknown): unknown[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value;
  read.fault(place, `must be a list, and is ${quote(value)}`);
  return [];
}
