// Whatever a mail server answers has exactly one meaning, and whatever follows from it is an end or a due time.
import fc from 'fast-check';
import { reasons } from '../../../../domain/reasons.ts';
import {
  decide,
  type Judgement,
  judgeSmtp,
  type SmtpAnswer,
  type Trial,
} from '../../../../services/dispatcher/dispatch.ts';
import { createRandom } from '../../harness/random.ts';
import { makeReply } from '../answers.ts';
import { withinBudget } from '../budget.ts';
import { anyText } from '../generators/texts.ts';
import { type FuzzKind, opened } from '../kind.ts';

const now = 1_800_000_000_000;
const dayMs = 86_400_000;
const knownReasons = new Set<string>(Object.values(reasons).flat());

export const trials: fc.Arbitrary<Trial> = fc.record({
  attempt: fc.integer({ min: 1, max: 40 }),
  onNoAnswer: fc.constantFrom('resend', 'park'),
  expiresAt: fc.option(fc.integer({ min: now - dayMs, max: now + 5 * dayMs })),
  waitsSince: fc.option(fc.integer({ min: now - 2 * dayMs, max: now })),
  mayHaveLeft: fc.boolean(),
  isCancelled: fc.boolean(),
  othersGot: fc.boolean(),
  crowd: fc.integer({ min: 0, max: 2_000_000 }),
});

const text = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((seed) => makeReply(createRandom(seed))) },
  { weight: 1, arbitrary: anyText(200_000) },
);
const answers: fc.Arbitrary<SmtpAnswer> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom('MAIL', 'RCPT', 'DATA', 'message'), text, fc.boolean(), fc.integer({ min: 0, max: 999 }))
      .map(([to, words, isOwnCode, other]) => {
        const code = isOwnCode ? other : Number(words.slice(0, 3)) || 0;
        return { kind: 'reply' as const, to: to as 'RCPT', code, text: words };
      }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('broken' as const),
      handedOver: fc.boolean(),
      connecting: fc.boolean(),
      detail: text,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('too_large' as const), detail: text }) },
);

export const smtpAnswers: FuzzKind = {
  name: 'smtp',
  title: 'answers of mail servers, judged',
  casesOfMillion: 250_000,
  needs: 'nothing',
  open: async ({ isAlone }) =>
    opened({
      inputs: fc.record({ answer: answers, trial: trials, chance: fc.double({ min: 0, max: 0.999, noNaN: true }) }),
      async tryOne({ answer, trial, chance }) {
        const length = 'text' in answer ? answer.text.length : 'detail' in answer ? answer.detail.length : 0;
        const { value, fault } = await withinBudget(isAlone, length, () => judgeSmtp(answer));
        return fault ?? findFault(answer, value) ?? findConsequenceFault(value, trial, chance);
      },
    }),
};

function findFault(answer: SmtpAnswer, judgement: Judgement): string | undefined {
  if (answer.kind !== 'reply') return undefined;
  const isTaken = answer.to === 'message' && answer.code >= 200 && answer.code < 300;
  if ((judgement.kind === 'sent') !== isTaken) return `${answer.code} to ${answer.to} is ${judgement.kind}`;
  // Before the final dot nothing was taken, whatever is said.
  if (judgement.kind === 'no_answer' && answer.to !== 'message') return `no_answer after ${answer.to}`;
  if (judgement.kind === 'failed' && answer.code < 500) return `${answer.code} to ${answer.to} fails the message`;
  return undefined;
}

/** Of mail and SMS alike. */
export function findConsequenceFault(judgement: Judgement, trial: Trial, chance: number): string | undefined {
  if (judgement.kind === 'too_late') return undefined;
  const consequence = decide(judgement, trial, now, chance);
  const { state, reason, detail } = consequence;
  if (detail.length > 400 || /\p{Cc}/u.test(detail) || !detail.isWellFormed())
    return `its detail is not fit for the ledger: ${JSON.stringify(detail.slice(0, 80))}`;
  if (reason !== '' && !knownReasons.has(reason)) return `its reason is ${reason}`;
  if (state === 'deferred') {
    const { dueInMs } = consequence;
    if (!(Number.isInteger(dueInMs) && dueInMs > 0 && dueInMs <= 6 * 3_600_000)) return `it is due in ${dueInMs} ms`;
    if (trial.expiresAt !== null && now + dueInMs >= trial.expiresAt) return 'it is due when it has expired';
    if (trial.isCancelled) return 'a cancelled one is tried again';
  }
  // Refused now says nothing of what an earlier try may have sent.
  if (trial.mayHaveLeft && (state === 'failed' || state === 'skipped'))
    return `it is ${state}, though it may have left`;
  return undefined;
}
