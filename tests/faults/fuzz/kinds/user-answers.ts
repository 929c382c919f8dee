// Answers of a user service over HTTP: what is wrong with one person concerns that person alone, what is wrong with the whole
// answer concerns the service, and whatever was made of it can go on as records.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import avsc from 'avsc';
import fc from 'fast-check';
import { DependencyError } from '../../../../lib/errors.ts';
import { recordSchemas } from '../../../../lib/events.ts';
import { createUserService, type UserService } from '../../../../lib/user-service.ts';
import { enrich } from '../../../../services/enricher/enrich.ts';
import { toUser } from '../../../../user-mock/users.ts';
import { sampleChunk } from '../../poison/samples.ts';
import { withinBudget } from '../budget.ts';
import { anyText, oddJson, oddText } from '../generators/texts.ts';
import { type FuzzKind, opened } from '../kind.ts';

type Person = Record<string, unknown>;
interface Answer {
  status: number;
  how: 'whole' | 'reset' | 'cut' | 'hang' | 'text';
  /** In the order asked; undefined leaves the person as they are. */
  persons: (Change | undefined)[];
  extra: unknown[];
  missing: unknown;
  text: string;
}
interface Change {
  field: string;
  value: unknown;
  how: 'set' | 'drop' | 'replace' | 'twice';
}

const fields = [
  'id',
  'first_name',
  'last_name',
  'email',
  'phone',
  'locale',
  'time_zone',
  'promo_agree',
  'category',
  'films_month_count',
  '__proto__',
  'more',
];
const change: fc.Arbitrary<Change> = fc.record({
  field: fc.constantFrom(...fields),
  value: fc.oneof(
    { weight: 3, arbitrary: oddJson },
    { weight: 3, arbitrary: anyText(100_000, 100) },
    { weight: 1, arbitrary: fc.constantFrom(null, 17, 1e300, true, [], {}) },
  ),
  how: fc.constantFrom('set', 'set', 'drop', 'replace', 'twice'),
});
const personCount = 5;
const timeoutMs = 100;
const tries = 3;
const answers: fc.Arbitrary<Answer> = fc.record({
  status: fc.oneof(
    { weight: 12, arbitrary: fc.constant(200) },
    { weight: 1, arbitrary: fc.constantFrom(201, 204, 301, 400, 401, 404, 408, 429, 500, 503) },
  ),
  how: fc.constantFrom(...Array<'whole'>(40).fill('whole'), 'reset', 'cut', ...Array<'text'>(4).fill('text'), 'hang'),
  persons: fc.array(fc.option(change, { nil: undefined }), { minLength: personCount, maxLength: personCount }),
  extra: fc.oneof(
    { weight: 5, arbitrary: fc.constant<unknown[]>([]) },
    { weight: 1, arbitrary: fc.array(oddJson, { maxLength: 3 }) },
  ),
  missing: fc.oneof({ weight: 9, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: oddJson }),
  text: oddText,
});

const enriched = avsc.Type.forSchema(JSON.parse(recordSchemas.NotificationEnriched));
const ids = Array.from({ length: personCount }, (_, at) => toUser(at).id);
const people = ids.map((_, at) => toUser(at));

export const userAnswers: FuzzKind = {
  name: 'users',
  title: 'answers of the user service, over HTTP',
  casesOfMillion: 40_000,
  needs: 'nothing',
  async open({ isAlone }) {
    let next: Answer | undefined;
    const server = createServer((request, response) => {
      request.resume();
      if (next) give(next, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const service = createUserService({ url, timeoutMs });
    return opened<Answer>({
      inputs: answers,
      async tryOne(answer) {
        next = answer;
        let wrong: string | undefined;
        // A machine that does other things may be late for the time limit once; what comes of an answer comes of it each time.
        for (let tried = 0; tried < tries && (tried === 0 || wrong); tried++) {
          const work = () => fetchAndEnrich(service, answer);
          const { value, fault } = await withinBudget(isAlone, toText(answer).length, work);
          wrong = fault ?? value;
        }
        return wrong;
      },
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    });
  },
};

async function fetchAndEnrich(service: UserService, answer: Answer): Promise<string | undefined> {
  let users: Awaited<ReturnType<UserService['fetchUsers']>>;
  const { how, status, missing, persons } = answer;
  // Of nobody it says anything usable: that is no matter of single people.
  const isSoundAsAWhole = how === 'whole' && status === 200 && isStringList(missing) && persons.includes(undefined);
  try {
    users = await service.fetchUsers(ids);
  } catch (error) {
    if (!(error instanceof DependencyError)) throw error;
    return isSoundAsAWhole ? `one person makes the service look down: ${error.message.slice(0, 160)}` : undefined;
  }
  for (const [at, id] of ids.entries()) {
    const found = users.get(id);
    if (isSoundAsAWhole && !answer.persons[at] && answer.extra.length === 0 && (!found || 'fault' in found))
      return 'a sound person is not there';
  }
  const chunk = { ...sampleChunk('low'), user_ids: ids };
  const made = enrich(chunk, { users, unsubscribed: new Set(), erased: new Map() }, Date.now());
  if (made.enriched.length + made.outcomes.length !== ids.length)
    return `${made.enriched.length} go on and ${made.outcomes.length} end, of ${ids.length}`;
  return made.enriched.every((event) => enriched.isValid(event)) ? undefined : 'a record that its schema does not take';
}

const isStringList = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === 'string');

function toText({ persons, extra, missing, how, text }: Answer): string {
  if (how === 'text') return text;
  const users = people.flatMap((person, at): unknown[] => alter({ ...person }, persons[at]));
  return JSON.stringify({ users: [...users, ...extra], missing });
}

function alter(person: Person, one: Change | undefined): unknown[] {
  if (!one) return [person];
  const altered: Person = { ...person };
  if (one.how === 'set')
    Object.defineProperty(altered, one.field, { value: one.value, enumerable: true, configurable: true });
  if (one.how === 'drop') delete altered[one.field];
  return one.how === 'replace' ? [one.value] : one.how === 'twice' ? [person, altered] : [altered];
}

function give(answer: Answer, response: ServerResponse): void {
  const text = toText(answer);
  const { status, how } = answer;
  if (how === 'hang') return;
  if (how === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  response.writeHead(status, status === 204 ? {} : headers);
  if (how !== 'cut' || text.length < 2) response.end(status === 204 ? '' : text);
  else {
    response.write(text.slice(0, text.length / 2));
    setImmediate(() => response.destroy());
  }
}
