// The commands of the ledger's model as plain data, so that fast-check can shrink a sequence to the few that matter.
import fc from 'fast-check';
import type { Source } from './slice.ts';
import type { Handover, ModelScope, Plan } from './world.ts';

export type Refusal = 'dead' | 'refused' | 'greylisted' | 'broken';

export type Step =
  /** Whatever this worker would do next; the number chooses between what is possible, and how it goes. */
  | { do: 'go'; worker: 0 | 1; luck: number }
  | { do: 'take'; worker: 0 | 1; source: Source; which: number; isLost: boolean }
  | { do: 'takeBoth'; which: number }
  | { do: 'mark'; worker: 0 | 1; isLost: boolean }
  | { do: 'handOver'; worker: 0 | 1; pick: number; fate: Handover['fate'] }
  | { do: 'refuse'; worker: 0 | 1; pick: number; why: Refusal }
  | { do: 'answer'; worker: 0 | 1; pick: number; isHeard: boolean; why: Refusal }
  | { do: 'settle'; worker: 0 | 1; count: number; isLost: boolean }
  | { do: 'renew'; worker: 0 | 1 }
  | { do: 'look'; worker: 0 | 1 }
  | { do: 'close'; worker: 0 | 1; source: Source; stopAfter: number; keepsToken: boolean }
  | { do: 'putAside'; worker: 0 | 1; pick: number }
  | { do: 'farewell' | 'crash'; worker: 0 | 1 }
  | { do: 'endLeases'; except: 0 | 1 | undefined }
  | { do: 'makeDue' | 'wake' }
  | { do: 'hold'; request: number; state: 'paused' | 'cancelled' | undefined }
  | { do: 'share'; scope: ModelScope; isPlaced: boolean }
  | { do: 'suppress' | 'unsubscribe' | 'expire' | 'endEarlier' | 'tellPutAside'; pick: number }
  /** A person wants it sent again. */
  | { do: 'command'; pick: number; kind: 'redrive' | 'resend' };

const worker = fc.constantFrom(0 as const, 1 as const);
const pick = fc.nat(5);
const which = fc.integer({ min: 1, max: 31 });
const source = fc.constantFrom<Source>('kafka', 'waiting');
const why = fc.constantFrom<Refusal>('dead', 'refused', 'greylisted', 'broken');
const isLost = fc.integer({ min: 0, max: 5 }).map((one) => one === 5);
const just = <D extends string>(what: D) => fc.constant(what);

export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 40, arbitrary: fc.record({ do: just('go'), worker, luck: fc.nat(999) }) },
  { weight: 6, arbitrary: fc.record({ do: just('take'), worker, source, which, isLost }) },
  { weight: 1, arbitrary: fc.record({ do: just('takeBoth'), which }) },
  { weight: 4, arbitrary: fc.record({ do: just('mark'), worker, isLost }) },
  {
    weight: 7,
    arbitrary: fc.record({
      do: just('handOver'),
      worker,
      pick,
      fate: fc.constantFrom<Handover['fate']>('taken', 'taken', 'taken', 'refused', 'cut'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: just('refuse'), worker, pick, why }) },
  { weight: 6, arbitrary: fc.record({ do: just('answer'), worker, pick, isHeard: fc.boolean(), why }) },
  { weight: 4, arbitrary: fc.record({ do: just('settle'), worker, count: fc.integer({ min: 1, max: 3 }), isLost }) },
  { weight: 1, arbitrary: fc.record({ do: just('renew'), worker }) },
  { weight: 2, arbitrary: fc.record({ do: just('look'), worker }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: just('close'),
      worker,
      source,
      stopAfter: fc.constantFrom(1, 2, 3, 4, 4, 4, 4, 4),
      keepsToken: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: just('putAside'), worker, pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('crash', 'farewell'), worker }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: just('endLeases'),
      except: fc.constantFrom(undefined, undefined, 0 as const, 1 as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('makeDue', 'makeDue', 'makeDue', 'wake') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: just('hold'),
      request: fc.nat(1),
      state: fc.constantFrom('paused', 'paused', 'cancelled', undefined, undefined),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: just('share'),
      scope: fc.constantFrom<ModelScope>('promotional', 'lane'),
      isPlaced: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('suppress', 'unsubscribe', 'expire'), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('endEarlier', 'tellPutAside'), pick }) },
  { weight: 6, arbitrary: fc.record({ do: just('command'), pick, kind: fc.constantFrom('redrive', 'resend') }) },
) as fc.Arbitrary<Step>;

export const anyPlan: fc.Arbitrary<Plan> = fc.record({
  requestCount: fc.constantFrom(1 as const, 2 as const),
  notes: fc.array(fc.record({ request: fc.nat(1), parks: fc.boolean(), isPromo: fc.boolean() }), {
    minLength: 1,
    maxLength: 5,
  }),
});
