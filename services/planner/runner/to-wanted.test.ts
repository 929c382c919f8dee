import { describe, expect, it } from 'vitest';
import { type ConfirmedMailing, lateAfterMs, toWanted } from './to-wanted.ts';

const now = Date.UTC(2026, 10, 23, 12);
const template = {
  version: 3,
  kind: 'common',
  channel: 'email',
  onNoAnswer: 'park',
  isPromo: false,
  isArchived: false,
} as const;
const mailing = (changes: Partial<ConfirmedMailing> = {}): ConfirmedMailing => ({
  mailingId: '0a1b2c3d-0000-4000-8000-000000000001',
  templateId: 'news',
  templateVersion: 3,
  priority: 'low',
  isPromo: false,
  context: '{"a":1}',
  userCategories: ['active', 'active'],
  scheduledAtMs: now,
  confirmedAtMs: now - 5_000,
  expiresAtMs: now + 5_000,
  template: { ...template },
  isCancelled: false,
  ...changes,
});

describe('a mailing that is due', () => {
  it('becomes a request with its own id, the people noted with it, and the version it was confirmed with', () => {
    expect(toWanted(mailing(), undefined, now)).toMatchObject({
      requestId: mailing().mailingId,
      peopleFrom: mailing().mailingId,
      origin: 'mailing',
      seriesId: null,
      state: 'planning',
      detail: '',
      template: { version: 3, kind: 'common', channel: 'email', onNoAnswer: 'park' },
      userCategories: ['active'],
      requestedAtMs: now,
      scheduledAtMs: now,
      expiresAtMs: now + 5_000,
    });
  });

  it('waits to be released when it is more than an hour late', () => {
    expect(toWanted(mailing({ scheduledAtMs: now - lateAfterMs }), undefined, now).state).toBe('planning');
    const late = { state: 'paused', detail: 'late' };
    expect(toWanted(mailing({ scheduledAtMs: now - lateAfterMs - 1 }), undefined, now)).toMatchObject(late);
    const atOnce = mailing({ scheduledAtMs: null, confirmedAtMs: now - lateAfterMs - 1 });
    expect(toWanted(atOnce, undefined, now)).toMatchObject(late);
  });

  it('is promotional when its template is', () => {
    expect(toWanted(mailing({ template: { ...template, isPromo: true } }), undefined, now).isPromo).toBe(true);
  });

  it.each([
    ['there is no template', { templateId: null }, 'The mailing has no template.'],
    ['its template is gone', { template: null }, "The template 'news' does not exist any more."],
    [
      'its template was archived',
      { template: { ...template, isArchived: true } },
      "The template 'news' was archived before the mailing's time came. Nobody got anything.",
    ],
    ['its version is gone', { template: { ...template, version: null } }, "The template 'news' has no version 3."],
  ])('is rejected in plain words when %s', (_, changes, detail) => {
    expect(toWanted(mailing(changes), undefined, now)).toMatchObject({ state: 'rejected', detail, template: null });
  });
});

describe('a firing of a series', () => {
  it('is a request of its own, which expires from its planned time', () => {
    const firing = {
      requestId: '0a1b2c3d-0000-4000-8000-000000000002',
      plannedAtMs: now - 1_000,
      expiresAtMs: now + 1,
    };
    expect(toWanted(mailing({ scheduledAtMs: now - 90 * 86_400_000 }), firing, now)).toMatchObject({
      requestId: firing.requestId,
      peopleFrom: mailing().mailingId,
      origin: 'series',
      seriesId: mailing().mailingId,
      state: 'planning',
      scheduledAtMs: now - 1_000,
      expiresAtMs: now + 1,
    });
  });
});
