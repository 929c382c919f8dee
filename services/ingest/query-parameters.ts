// The query of GET /api/v1/notifications, judged: all faults at once, each with the parameter's name.

import { isUserId, isUuid } from '../../domain/ids.ts';
import { type PageQuery, readCursor } from './notification-queries.ts';
import { type Fault, Problem } from './problem.ts';

export const deliveryStates = ['claimed', 'sending', 'deferred', 'sent', 'failed', 'skipped', 'unknown'] as const;
/** Of a list: `planned` has no row in the ledger yet. */
export const listedStates = ['planned', ...deliveryStates] as const;
export type ListedState = (typeof listedStates)[number];
export const maxLimit = 500;
export const defaultLimit = 100;
const known = new Set(['request_id', 'user_id', 'state', 'after', 'limit']);

/** @throws Problem invalid */
export function readPageQuery(query: URLSearchParams): PageQuery {
  const faults: Fault[] = [];
  const fault = (parameter: string, detail: string): undefined => void faults.push({ parameter, detail });
  const names = [...query.keys()];
  for (const name of new Set(names)) {
    if (!known.has(name)) fault(name, 'there is no such parameter');
    else if (names.filter((other) => other === name).length > 1) fault(name, 'may stand only once');
  }
  const read = <T>(name: string, convert: (text: string) => T | undefined, rule: string): T | undefined => {
    const text = query.get(name);
    return text === null ? undefined : (convert(text) ?? fault(name, rule));
  };

  const page: PageQuery = {
    requestId: read(
      'request_id',
      (text) => (isUuid(text.toLowerCase()) ? text.toLowerCase() : undefined),
      'must be a UUID',
    ),
    userId: read('user_id', (text) => (isUserId(text) ? text : undefined), 'must be 1 to 64 of A-Z a-z 0-9 . _ : -'),
    state: read('state', toState, `must be one of ${listedStates.join(', ')}`),
    after: read('after', readCursor, 'must be the "next" of the page before'),
    limit: read('limit', toLimit, `must be a number from 1 to ${maxLimit}`) ?? defaultLimit,
  };
  if (!query.has('request_id') && !query.has('user_id')) fault('request_id', 'give this one, or user_id, or both');
  if (page.state === 'planned' && !query.has('user_id')) {
    fault(
      'state',
      'planned can be asked for with a user_id only; of a request it is in_flight in GET /api/v1/requests/{id}',
    );
  }
  if (faults.length > 0) throw new Problem('invalid', 'The query is not valid.', { faults });
  return page;
}

function toState(text: string): ListedState | undefined {
  return listedStates.find((state) => state === text);
}

function toLimit(text: string): number | undefined {
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return limit >= 1 && limit <= maxLimit ? limit : undefined;
}
