// Whatever an SMS gateway answers has exactly one meaning, and whatever follows from it is an end or a due time.
import fc from 'fast-check';
import { judgeSms, type SmsAnswer } from '../../../../services/dispatcher/dispatch.ts';
import { withinBudget } from '../budget.ts';
import { anyText } from '../generators/texts.ts';
import { type FuzzKind, opened } from '../kind.ts';
import { findConsequenceFault, trials } from './smtp-answers.ts';

const answers: fc.Arbitrary<SmsAnswer> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constant('reply' as const),
      status: fc.oneof(
        fc.constantFrom(200, 202, 204, 301, 400, 401, 403, 404, 408, 413, 422, 425, 429, 500, 503),
        fc.integer({ min: 100, max: 999 }),
      ),
      detail: anyText(70_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('broken' as const), handedOver: fc.boolean(), detail: anyText(1_000) }),
  },
);

export const smsAnswers: FuzzKind = {
  name: 'sms',
  title: 'answers of SMS gateways, judged',
  casesOfMillion: 100_000,
  needs: 'nothing',
  open: async ({ isAlone }) =>
    opened({
      inputs: fc.record({ answer: answers, trial: trials, chance: fc.double({ min: 0, max: 0.999, noNaN: true }) }),
      async tryOne({ answer, trial, chance }) {
        const length = 'detail' in answer ? answer.detail.length : 0;
        const { value, fault } = await withinBudget(isAlone, length, () => judgeSms(answer));
        if (fault) return fault;
        const isTaken = answer.kind === 'reply' && answer.status >= 200 && answer.status < 300;
        if ((value.kind === 'sent') !== isTaken) return `${JSON.stringify(answer).slice(0, 100)} is ${value.kind}`;
        return findConsequenceFault(value, trial, chance);
      },
    }),
};
