// With whose data a preview is made: a person that was chosen, else somebody of the user service, else the examples that
// come with the template's kind.
import { toExamplePerson } from '../../../content/example-person.ts';
import { findCollector } from '../../../content/kinds.ts';
import { isUserId } from '../../../domain/ids.ts';
import { DependencyError } from '../../../lib/errors.ts';
import type { UnusableUser, User, UserService } from '../../../lib/user-service.ts';

export interface PreviewPerson {
  user: User;
  from: 'chosen' | 'somebody' | 'examples';
  /** Stands for the collector's variables where there is no person. */
  examples: Record<string, unknown>;
  /** What is wrong with the id that was given. */
  fault: string | undefined;
  /** What else to know, such as that the user service does not answer. */
  notice: string | undefined;
}

export interface PreviewPeople {
  /**
   * Never rejects because the user service is down.
   * @param userId empty for anybody
   * @param mayUsePeople false: the examples, whatever is asked for
   */
  find(kind: string, userId: string, mayUsePeople: boolean): Promise<PreviewPerson>;
}

/** Previews follow one typing person: they must not wait for a user service that hangs. */
const askLimitMs = 2_000;
const keptForMs = 5 * 60_000;
const downForMs = 10_000;

export function createPreviewPeople(users: UserService, now: () => number): PreviewPeople {
  let anybody: { userId: string | undefined; until: number } | undefined;
  let downUntil = 0;

  /** @returns undefined when the user service cannot be asked */
  async function ask<T>(question: (signal: AbortSignal) => Promise<T>): Promise<{ answer: T } | undefined> {
    if (now() < downUntil) return undefined;
    const signal = AbortSignal.timeout(askLimitMs);
    try {
      return { answer: await question(signal) };
    } catch (error) {
      if (!(error instanceof DependencyError) && !signal.aborted) throw error;
      downUntil = now() + downForMs;
      return undefined;
    }
  }

  async function findAnybody(signal: AbortSignal): Promise<string | undefined> {
    if (anybody && now() < anybody.until) return anybody.userId;
    const category = (await users.fetchCategories(signal)).readable.find(({ count }) => count !== 0);
    const page = category && (await users.listUserIds([category.name], undefined, 1, signal));
    anybody = { userId: page?.ids[0], until: now() + keptForMs };
    return anybody.userId;
  }

  return {
    async find(kind, userId, mayUsePeople) {
      if (!mayUsePeople) {
        const fault = userId === '' ? undefined : 'Your role previews and tests with example values only.';
        return { ...toExample(kind), fault };
      }
      if (userId !== '' && !isUserId(userId)) {
        return { ...toExample(kind), fault: 'A user id has 1 to 64 of the characters A-Z a-z 0-9 . _ : -' };
      }
      const asked = await ask(async (signal) => {
        const id = userId === '' ? await findAnybody(signal) : userId;
        return id === undefined ? undefined : ((await users.fetchUsers([id], signal)).get(id) ?? null);
      });
      if (!asked) {
        return {
          ...toExample(kind),
          notice: 'The user service does not answer: these are examples, not a real person.',
        };
      }
      const found: User | UnusableUser | null | undefined = asked.answer;
      if (found && !('fault' in found)) {
        const from = userId === '' ? 'somebody' : 'chosen';
        return { user: found, from, examples: {}, fault: undefined, notice: undefined };
      }
      if (userId === '') return { ...toExample(kind), notice: 'The user service knows nobody: these are examples.' };
      const fault = found
        ? `The user service's answer for this person breaks its contract at ${found.fault}.`
        : 'The user service does not know this id.';
      return { ...toExample(kind), fault };
    },
  };
}

function toExample(kind: string): PreviewPerson {
  const { user, collected } = toExamplePerson(findCollector(kind));
  return { user, from: 'examples', examples: collected, fault: undefined, notice: undefined };
}
