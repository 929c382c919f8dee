// One request by HTTP beside the load: a template of the story's own, for people who are in nothing else.
import { notificationId } from '../../../domain/ids.ts';
import { toUser } from '../../../user-mock/users.ts';
import type { Load, PlannedPerson } from './load.ts';
import type { World } from './world.ts';

export interface NamedLoadOptions {
  templateId: string;
  /** 10,000 at most. */
  people: number;
  from: number;
  priority: 'high' | 'medium' | 'low';
}

/** Apart from the people of createLoad. */
const peopleFrom = 700_000;

/** `begin` posts it, while nothing is broken yet. */
export function createNamedLoad(world: World, options: NamedLoadOptions): Load {
  const { templateId, people, from, priority } = options;
  const planned = new Map<string, PlannedPerson>();
  const load: Load = {
    planned,
    mailingIds: [],
    answers: new Map(),
    refusals: new Map(),
    unexpected: [],
    async begin() {
      const users = Array.from({ length: people }, (_, number) => toUser(peopleFrom + from + number));
      const user_ids = users.map(({ id }) => id);
      const requestId = await world.ingest.send({ template_id: templateId, priority, user_ids });
      const common = { onNoAnswer: 'resend', requestId, priority, acceptedAtMs: Date.now() } as const;
      for (const { id, email } of users) planned.set(notificationId(requestId, id, 'email'), { ...common, email });
    },
    end: async () => {},
  };
  world.loads.push(load);
  return load;
}
