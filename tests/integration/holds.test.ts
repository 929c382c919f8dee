// Holds in Postgres: placed, lifted and ended by one function each, with their lines in the audit log.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { covers, sharedScopes, subjectsOf } from '../../domain/holds.ts';
import { coversSql } from '../../lib/holds/covers.ts';
import { liftEndedHolds, liftHold } from '../../lib/holds/lift-hold.ts';
import { type NewHold, placeHold } from '../../lib/holds/place-hold.ts';
import { type LedgerLab, useLedgerLab } from '../support/ledger-lab.ts';

const openLab = useLedgerLab();

const newHold = (changes: Partial<NewHold> = {}): NewHold => ({
  scope: 'promotional',
  subject: '',
  author: 'ada',
  reason: 'the link is wrong',
  endsInMs: null,
  ...changes,
});

const inForce = (lab: LedgerLab) =>
  lab.db.selectFrom('sending_holds').selectAll().where('lifted_at', 'is', null).execute();
const auditOf = (lab: LedgerLab) =>
  lab.db.selectFrom('audit').select(['who', 'action', 'subject']).orderBy('audit_id').execute();

describe('a hold', () => {
  it('placed twice is one hold, its author and reason those of the first; and it can be placed again once lifted', async () => {
    const lab = await openLab();
    expect(await placeHold(lab.db, newHold())).toBe(true);
    expect(await placeHold(lab.db, newHold({ author: 'guard', reason: 'refused', endsInMs: 1 }))).toBe(false);
    const [hold, ...others] = await inForce(lab);
    expect(others).toEqual([]);
    expect(hold).toMatchObject({ author: 'ada', reason: 'the link is wrong', ends_at: null });
    const id = String(hold?.hold_id);
    expect(await liftHold(lab.db, id, 'grace')).toEqual({ scope: 'promotional', subject: '' });
    expect(await liftHold(lab.db, id, 'ada')).toBeUndefined();
    expect(await placeHold(lab.db, newHold())).toBe(true);
    expect(await auditOf(lab)).toEqual([
      { who: 'ada', action: 'hold.placed', subject: 'promotional' },
      { who: 'grace', action: 'hold.lifted', subject: 'promotional' },
      { who: 'ada', action: 'hold.placed', subject: 'promotional' },
    ]);
  });

  it('placed by two at the same moment is one hold, written into the audit log once', async () => {
    const lab = await openLab();
    const placed = await Promise.all(
      Array.from({ length: 8 }, () => placeHold(lab.db, newHold({ scope: 'lane', subject: 'low/sms' }))),
    );
    expect(placed.filter((isNew) => isNew)).toHaveLength(1);
    expect(await auditOf(lab)).toHaveLength(1);
  });

  it('of a request is its pause, which the release before understands; a cancelled request stays cancelled', async () => {
    const lab = await openLab();
    const [requestId, cancelled] = [randomUUID(), randomUUID()];
    await lab.hold(cancelled, 'cancelled');
    const request = { scope: 'request', author: 'guard', reason: 'refused by the mail server' } as const;
    expect(await placeHold(lab.db, newHold({ ...request, subject: requestId }))).toBe(true);
    expect(await placeHold(lab.db, newHold({ ...request, subject: cancelled }))).toBe(false);
    expect(await lab.ledger.readHolds([requestId, cancelled])).toEqual(
      new Map([
        [requestId, 'paused'],
        [cancelled, 'cancelled'],
      ]),
    );
    expect(await liftHold(lab.db, cancelled, 'ada')).toBeUndefined();
    expect(await liftHold(lab.db, requestId, 'ada')).toEqual({ scope: 'request', subject: requestId });
    expect(await lab.ledger.readHolds([requestId])).toEqual(new Map());
  });

  it('whose end has come is lifted once, by `end`; the others stay', async () => {
    const lab = await openLab();
    const requestId = randomUUID();
    await placeHold(lab.db, newHold({ endsInMs: 0 }));
    await placeHold(lab.db, newHold({ scope: 'channel', subject: 'sms', endsInMs: 3_600_000 }));
    await placeHold(lab.db, newHold({ scope: 'template', subject: 'news' }));
    await placeHold(lab.db, newHold({ scope: 'request', subject: requestId, endsInMs: 0 }));
    const lifted = (await Promise.all([liftEndedHolds(lab.db), liftEndedHolds(lab.db)])).flat();
    expect(lifted.map(({ scope }) => scope).sort()).toEqual(['promotional', 'request']);
    expect((await inForce(lab)).map(({ scope }) => scope).sort()).toEqual(['channel', 'template']);
    const ended = (await auditOf(lab)).filter(({ action }) => action === 'hold.lifted');
    expect(ended.map(({ who, subject }) => `${who}: ${subject}`).sort()).toEqual([
      'end: promotional',
      `end: request ${requestId}`,
    ]);
  });
});

it('covers in SQL what it covers in TypeScript, for every scope, subject and message', async () => {
  const lab = await openLab();
  const flags = [true, false];
  const messages = ['news', 'welcome'].flatMap((templateId) =>
    (['email', 'sms'] as const).flatMap((channel) =>
      ['high', 'medium', 'low'].flatMap((priority) =>
        flags.flatMap((isPromo) => flags.map((isTest) => ({ templateId, channel, priority, isPromo, isTest }))),
      ),
    ),
  );
  const holds = sharedScopes.flatMap((scope) =>
    (subjectsOf(scope) ?? ['news', 'other']).map((subject) => ({ scope, subject })),
  );
  const { rows } = await sql<{ covered: boolean }>`
    select ${coversSql({
      templateId: sql`m."templateId"`,
      channel: sql`m.channel`,
      priority: sql`m.priority`,
      isPromo: sql`m."isPromo"`,
      isTest: sql`m."isTest"`,
    })} as covered
    from json_to_recordset(${JSON.stringify(holds.map((hold, at) => ({ ...hold, at })))}::json)
        as s (at int, scope text, subject text),
      json_to_recordset(${JSON.stringify(messages.map((message, at) => ({ ...message, at })))}::json)
        as m (at int, "templateId" text, channel text, priority text, "isPromo" boolean, "isTest" boolean)
    order by s.at, m.at`.execute(lab.db);
  expect(rows.map(({ covered }) => covered)).toEqual(
    holds.flatMap((hold) => messages.map((message) => covers(hold, message))),
  );
});
