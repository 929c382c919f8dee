import { describe, expect, it } from 'vitest';
import { type Known, readDraft, type StoredDraft, toFormFields } from './read-draft.ts';

const now = Date.UTC(2026, 0, 10, 12);
const known: Known = {
  context: '{}',
  templates: new Map([
    ['welcome', { isPromo: false }],
    ['sale', { isPromo: true }],
  ]),
  categories: new Set(['active', 'vip']),
};
const read = (fields: Record<string, string>, categories: string[] = [], judgedBy = known) =>
  readDraft({ fields: { title: 'News', ...fields }, lists: { categories } }, judgedBy, now);

describe("a mailing's form", () => {
  it('gives what is stored', () => {
    const fields = { template_id: 'welcome', priority: 'medium', when: 'at', scheduled_local: '2026-06-01T09:00' };
    const { values, faults } = read({ ...fields, time_zone: 'Europe/Berlin', expires: 'after', expires_hours: '1.5' }, [
      'vip',
    ]);
    expect(faults).toEqual({});
    expect(values).toEqual({
      title: 'News',
      templateId: 'welcome',
      priority: 'medium',
      isPromo: false,
      context: '{}',
      userCategories: ['vip'],
      scheduledAtMs: Date.UTC(2026, 5, 1, 7),
      timeZone: 'Europe/Berlin',
      recurrence: null,
      expiresAtMs: null,
      expiresAfterMinutes: 90,
    });
  });

  it('is of low priority, for now and for nobody when nothing is said', () => {
    expect(read({}).values).toMatchObject({ priority: 'low', isPromo: false, scheduledAtMs: null, userCategories: [] });
  });

  it('is promotional when its template is, whatever the form says', () => {
    expect(read({ template_id: 'sale' }).values.isPromo).toBe(true);
    expect(read({ template_id: 'welcome', is_promo: 'on' }).values.isPromo).toBe(true);
  });

  it.each([
    [{ title: ' ' }, 'title'],
    [{ title: 'x'.repeat(201) }, 'title'],
    [{ template_id: 'archived' }, 'template_id'],
    [{ context_json: '[]' }, 'context_json'],
    [{ when: 'at', scheduled_local: '2026-01-10T11:00' }, 'scheduled_local'],
    [{ when: 'at', scheduled_local: '2026-03-29T02:30', time_zone: 'Europe/Berlin' }, 'scheduled_local'],
    [{ when: 'at', scheduled_local: '2026-03-30T02:30', time_zone: 'Europe/Nowhere' }, 'time_zone'],
    [{ when: 'repeat', preset: 'custom', cron: '* * * * *' }, 'recurrence'],
    [{ expires: 'after', expires_hours: '0' }, 'expires_hours'],
    [{ expires: 'after', expires_hours: 'soon' }, 'expires_hours'],
    [{ expires: 'at', expires_local: '2026-01-10T11:00' }, 'expires_local'],
    [
      { expires: 'at', expires_local: '2026-06-01T08:00', when: 'at', scheduled_local: '2026-06-01T09:00' },
      'expires_local',
    ],
    [
      { expires: 'at', expires_local: '2026-06-01T08:00', when: 'repeat', preset: 'daily', preset_time: '09:00' },
      'expires_local',
    ],
  ])('refuses %j beside the field %s', (fields: Record<string, string>, field) => {
    const { faults } = read(fields);
    expect(Object.keys(faults)).toEqual([field]);
    expect(faults[field]).toMatch(/^[A-Z2].*\.$/);
  });

  it('refuses a category that does not exist, unless nobody can be asked', () => {
    expect(read({}, ['vip', 'gone']).faults).toEqual({ categories: expect.stringContaining('gone') });
    expect(read({}, ['gone'], { ...known, categories: undefined }).faults).toEqual({});
  });

  it('tells which of two equal times it takes', () => {
    const { notes } = read({ when: 'at', scheduled_local: '2026-10-25T02:30', time_zone: 'Europe/Berlin' });
    expect(notes).toEqual([expect.stringContaining('the first one is taken')]);
  });
});

it.each([
  ['europe/berlin ', 'Europe/Berlin'],
  ['America/New York', 'America/New_York'],
  ['utc', 'UTC'],
])('puts the time zone %j right: %s', (time_zone, timeZone) => {
  const { values, faults } = read({ when: 'repeat', preset: 'daily', preset_time: '09:00', time_zone });
  expect([values.timeZone, faults]).toEqual([timeZone, {}]);
});

it.each([
  ['BST', /Europe\/London or Asia\/Dhaka/],
  ['JST', /Asia\/Tokyo/],
  ['+02:00', /Europe\/Berlin/],
  ['Etc/GMT+5', /America\/New_York/],
])('refuses the time zone %s beside its field and names likely ones', (time_zone, words) => {
  const { faults } = read({ when: 'repeat', preset: 'daily', preset_time: '09:00', time_zone });
  expect(faults).toEqual({ time_zone: expect.stringMatching(words) });
});

it('shows the moments of a draft in a zone that the release before took in UTC', () => {
  const moment = new Date(Date.UTC(2026, 5, 1, 7));
  const draft = { title: 'News', template_id: null, priority: 'low', is_promo: false, time_zone: 'BST' } as const;
  const rest = { scheduled_at: moment, recurrence: null, expires_at: null, expires_after_minutes: null };
  const form = toFormFields({ ...draft, ...rest });
  expect(form).toMatchObject({ time_zone: 'UTC', scheduled_local: '2026-06-01T07:00' });
});

it('shows what is stored in the form that gives it again', () => {
  const base: StoredDraft = {
    title: 'News',
    template_id: 'welcome',
    priority: 'high',
    is_promo: true,
    scheduled_at: null,
    time_zone: 'Asia/Tokyo',
    recurrence: null,
    expires_at: null,
    expires_after_minutes: null,
  };
  const at = (hour: number) => new Date(Date.UTC(2026, 5, 1, hour));
  for (const draft of [
    base,
    { ...base, scheduled_at: at(3), expires_at: at(9) },
    { ...base, scheduled_at: at(3), expires_after_minutes: 45 },
    { ...base, recurrence: '30 8 * * 1-5', expires_after_minutes: 60 },
    { ...base, recurrence: '0 8-18 * * *' },
  ]) {
    const { values, faults } = read(toFormFields(draft) as Record<string, string>);
    expect(faults).toEqual({});
    expect(values).toMatchObject({
      scheduledAtMs: draft.scheduled_at?.getTime() ?? null,
      recurrence: draft.recurrence,
      expiresAtMs: draft.expires_at?.getTime() ?? null,
      expiresAfterMinutes: draft.expires_after_minutes,
      timeZone: 'Asia/Tokyo',
      priority: 'high',
      isPromo: true,
    });
  }
});
