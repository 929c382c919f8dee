// Records that decode and cannot be worked with all the same.

import { notificationId } from '../../../domain/ids.ts';
import type { NotificationRequested } from '../../../lib/events.ts';
import type { Priority, Topic } from '../../../lib/topics.ts';
import type { PoisonKind, PoisonKit, PoisonRecord } from './kinds.ts';
import { sampleChunk, sampleEnriched, sampleOutcome, sampleRendered, sampleRequest } from './samples.ts';

type Change<E> = Partial<E>;
/** @param names whether its people, when they can be told, end as failed */
type Broken<E> = [what: string, code: RegExp, change: () => Change<E>, names?: 'failed'];

const invalid = /^record_invalid$/;
const badIds = ['', 'not an id', 'nul\0', 'x'.repeat(65), 'erased:0a1b2c3d-0000-8000-8000-000000000002', '💥'];
/** 300,000,000 items follow, says the zigzag number that stands where a list begins. */
const crafted = Buffer.from('80d88c9e02', 'hex');

export const toBrokenEvents = {
  request(kit: PoisonKit, topic: Topic<'NotificationRequested'>): PoisonKind[] {
    const badId = () => badIds[kit.random.between(0, badIds.length - 1)] ?? '';
    const broken: Broken<NotificationRequested>[] = [
      ['a template that does not exist', /^template_unknown$/, () => ({ template_id: 'no-such-template' })],
      ['a template id with a NUL', /^template_unknown$/, () => ({ template_id: 'fault-resend\0' })],
      ['a request id that is no UUID', /^request_id_invalid$/, () => ({ request_id: 'order-17' })],
      ['a bad user id', /^user_id_invalid$/, () => ({ user_ids: ['poisoned', badId()] })],
      ['nobody to send to', /^no_audience$/, () => ({ user_ids: [] })],
      ['more than 10,000 people', /^too_many_users$/, () => ({ user_ids: Array(10_001).fill('u') })],
      ['more than 100 categories', /^too_many_categories$/, () => ({ user_categories: Array(101).fill('c') })],
      ['a bad category', /^category_invalid$/, () => ({ user_categories: ['a\0b'] })],
      ['a context that is no JSON', /^context_invalid$/, () => ({ context: '{"a":' })],
      ['a context that is a list', /^context_invalid$/, () => ({ context: '[1, 2]' })],
      ['a context of 70 kB', /^context_invalid$/, () => ({ context: `{"a":"${'x'.repeat(70_000)}"}` })],
      [
        'a context of 10,000 levels',
        /^context_invalid$/,
        () => ({ context: `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}` }),
      ],
      ['a planned time before 1970', /^time_invalid$/, () => ({ scheduled_at: -1 })],
      ['an end beyond the year 9999', /^time_invalid$/, () => ({ expires_at: 9e15 })],
      ['a planned time in seconds', /^time_invalid$/, () => ({ scheduled_at: Math.round(Date.now() / 1000) })],
      ['a number that would lose digits', /^context_invalid$/, () => ({ context: '{"order":7615917337495251231}' })],
      [
        'a test that nobody asked for',
        /^test_unknown$/,
        () => ({ test: { address: 'a@example.com', template_version: 1 } }),
      ],
      [
        'a test for two',
        /^test_invalid$/,
        () => ({ user_ids: ['a', 'b'], test: { address: 'a@example.com', template_version: 1 } }),
      ],
    ];
    const place = { topic: topic.name, stage: 'planner' } as const;
    return [
      ...broken.map(([what, code, change]) => ({
        ...place,
        what,
        code,
        make: () => ({ value: kit.codec.encode(topic, { ...sampleRequest(), ...change() }) }),
      })),
      {
        ...place,
        what: 'a crafted block count',
        code: /^bounds$/,
        // Empty request_id and template_id, priority high, not promotional; then the list of people.
        make: () => ({
          value: Buffer.concat([kit.codec.encode(topic, sampleRequest()).subarray(0, 5), Buffer.alloc(4), crafted]),
        }),
      },
    ];
  },

  chunk(kit: PoisonKit, topic: Topic<'ChunkPlanned'>, priority: Priority): PoisonKind[] {
    const place = { topic: topic.name, stage: 'enricher' } as const;
    const make = (change: object, named: string[]): PoisonRecord => {
      const chunk = { ...sampleChunk(priority), ...change };
      const failed = named.map((id) => notificationId(chunk.request_id, id, 'email'));
      return { value: kit.codec.encode(topic, chunk), failed };
    };
    const crowd = Array.from({ length: 1_001 }, (_, at) => `poisoned-${at}`);
    const kinds: [string, RegExp, () => PoisonRecord][] = [
      ['a kind that is not known', /^kind_unknown$/, () => make({ template_kind: 'of-tomorrow' }, ['poisoned'])],
      ['a kind with a NUL', invalid, () => make({ template_kind: 'common\0' }, [])],
      ['a template id with a NUL', invalid, () => make({ template_id: 'a\0' }, [])],
      ['a bad user id', invalid, () => make({ is_promo: true, user_ids: ['poisoned', ...badIds] }, ['poisoned'])],
      ['more people than a call can ask for', invalid, () => make({ user_ids: crowd }, crowd)],
      ['a request id that is no UUID', invalid, () => make({ request_id: 'order-17' }, [])],
      ['a time before 1970', invalid, () => make({ requested_at: -1 }, [])],
      [
        'a crafted block count',
        /^bounds$/,
        () => ({ value: withCraftedList(kit.codec.encode(topic, sampleChunk(priority))) }),
      ],
    ];
    return kinds.map(([what, code, makeOne]) => ({ ...place, what, code, make: makeOne }));
  },

  enriched(kit: PoisonKit, topic: Topic<'NotificationEnriched'>, priority: Priority): PoisonKind[] {
    return toKinds(kit, topic, 'renderer', () => sampleEnriched(priority), [
      ['a version that does not exist', /^template_unknown$/, () => ({ template_version: 999 }), 'failed'],
      ['a template for another channel', /^channel_mismatch$/, () => ({ channel: 'sms' }), 'failed'],
      ['a template id with a NUL', invalid, () => ({ template_id: 'a\0' })],
      ['a notification id that is no UUID', invalid, () => ({ notification_id: '17' })],
      ['a bad user id', invalid, () => ({ user_id: 'a b' })],
      ['a time beyond the year 9999', invalid, () => ({ expires_at: 9e15 })],
    ]);
  },

  rendered(kit: PoisonKit, topic: Topic<'NotificationRendered'>, priority: Priority): PoisonKind[] {
    return toKinds(kit, topic, 'dispatcher', () => sampleRendered(priority), [
      ['an address with a NUL', invalid, () => ({ address: 'a\0@b.example' }), 'failed'],
      ['an address of 200 kB', invalid, () => ({ address: `${'a'.repeat(200_000)}@b.example` }), 'failed'],
      ['a template id with a NUL', invalid, () => ({ template_id: '\0' })],
      ['a request id that is no UUID', invalid, () => ({ request_id: 'order-17' })],
      ['a user id of 5,000 characters', invalid, () => ({ user_id: 'x'.repeat(5_000) })],
      ['a time before 1970', invalid, () => ({ requested_at: -1 })],
    ]);
  },

  outcome(kit: PoisonKit, topic: Topic<'NotificationOutcome'>): PoisonKind[] {
    return toKinds(kit, topic, 'dispatcher', sampleOutcome, [
      ['a request id that is no UUID', invalid, () => ({ request_id: 'order-17' })],
      ['a bad user id', invalid, () => ({ user_id: '' })],
      ['a detail with a NUL', invalid, () => ({ detail: '\0' })],
      ['a time before 1970', invalid, () => ({ ended_at: -5 })],
    ]);
  },
};

function toKinds<R extends 'NotificationEnriched' | 'NotificationRendered' | 'NotificationOutcome'>(
  { codec }: PoisonKit,
  topic: Topic<R>,
  stage: PoisonKind['stage'],
  sample: () => Parameters<typeof codec.encode<R>>[1],
  broken: readonly Broken<Parameters<typeof codec.encode<R>>[1]>[],
): PoisonKind[] {
  return broken.map(([what, code, change, names]) => ({
    topic: topic.name,
    stage,
    what,
    code,
    make() {
      const event = { ...sample(), ...change() };
      return { value: codec.encode(topic, event), failed: names ? [event.notification_id] : [] };
    },
  }));
}

/** The list of people, and what stands behind it, are the last two fields: empty and null, a zero byte each. */
function withCraftedList(chunk: Buffer): Buffer {
  const people = chunk.length - 'poisoned'.length - 4;
  return Buffer.concat([chunk.subarray(0, people), crafted]);
}
