// The stage of one lane: templates and renderings of a whole slice first, then the decision for each person.
import type { TemplateVersion } from '../../content/template.ts';
import { PermanentError, TransientError } from '../../lib/errors.ts';
import type { NotificationEnriched } from '../../lib/events.ts';
import type { Incoming, TransformStage } from '../../lib/kafka/stage.ts';
import { findRecordFault } from '../../lib/record-fault.ts';
import type { Lane, Topics } from '../../lib/topics.ts';
import { failRecord, isExpired, type Rendered, render, skipExpired } from './render.ts';
import type { RenderLane } from './render-lane.ts';
import type { SliceWeight } from './slice-weight.ts';
import type { TemplateStore } from './template-store.ts';
import { type Rendering, toTemplateKey } from './work.ts';

/** What is not in here had expired when the slice was loaded, or has no template. */
interface Facts {
  templates: ReadonlyMap<string, TemplateVersion>;
  renderings: ReadonlyMap<Incoming<NotificationEnriched>, Finished>;
}

interface Finished {
  rendering: Rendering;
  unsubscribeUrl: string | null;
}

interface Options {
  lane: Lane<'NotificationEnriched'>;
  outputs: Topics['rendered'];
  templates: TemplateStore;
  renderLane: RenderLane;
  weight: SliceWeight;
  /** Null for messages that have none. */
  unsubscribeUrlOf: (event: NotificationEnriched) => string | null;
  /** Whoever ends here has an address that the ledger will not have. */
  remember: (events: readonly NotificationEnriched[]) => Promise<void>;
  now: () => number;
}

export function createRenderStage(
  options: Options,
): TransformStage<'NotificationEnriched', Facts, 'NotificationRendered'> {
  return {
    kind: 'transform',
    name: 'renderer',
    lane: options.lane,
    countPeople: (event) => options.weight.weigh(toTemplateKey(toRef(event))),
    fail: failRecord,

    async load(slice, signal) {
      const now = options.now();
      const due = slice.filter(({ event }) => !findRecordFault(event) && !isExpired(event, now));
      const templates = await options.templates.load(due.map(({ event }) => toRef(event)));
      const incomings: Incoming<NotificationEnriched>[] = [];
      const jobs = due.flatMap((incoming) => {
        const template = templates.get(toTemplateKey(toRef(incoming.event)));
        if (!template) return [];
        incomings.push(incoming);
        const { request_id, collected, context, first_name, last_name } = incoming.event;
        return [
          {
            template,
            requestId: request_id,
            person: { collected, context, firstName: first_name, lastName: last_name },
            unsubscribeUrl: options.unsubscribeUrlOf(incoming.event),
          },
        ];
      });
      const rendered = await options.renderLane.render(jobs, signal);
      const renderings = new Map<Incoming<NotificationEnriched>, Finished>();
      rendered.forEach((rendering, index) => {
        const incoming = incomings[index];
        if (incoming) renderings.set(incoming, { rendering, unsubscribeUrl: jobs[index]?.unsubscribeUrl ?? null });
      });
      const ended = slice.filter((incoming) => isEnded(incoming.event, renderings.get(incoming)));
      await options.remember(ended.map(({ event }) => event));
      return { templates, renderings };
    },

    transform(incoming, facts, now) {
      const result = decide(incoming, facts, now);
      if (result.kind === 'end') return { forward: [], outcomes: [result.outcome] };
      const { notification } = result;
      const output = {
        topic: options.outputs[notification.priority],
        key: notification.user_id,
        event: notification,
        traceparent: incoming.traceparent,
      };
      return { forward: [output], outcomes: [] };
    },
  };
}

/** As far as it is known before the decision; a test goes to somebody else's address. */
function isEnded(event: NotificationEnriched, finished: Finished | undefined): boolean {
  return (!finished || finished.rendering.kind === 'failed') && !event.is_test && !findRecordFault(event);
}

/** @throws PermanentError('record_invalid' | 'template_unknown' | 'channel_mismatch'), TransientError('slice_full') */
function decide(incoming: Incoming<NotificationEnriched>, facts: Facts, now: number): Rendered {
  const { event } = incoming;
  const fault = findRecordFault(event);
  if (fault) throw fault;
  const finished = facts.renderings.get(incoming);
  // Rendered in time is in time: the dispatcher looks at the clock once more.
  if (!finished && isExpired(event, now)) return skipExpired(event, now);
  const template = facts.templates.get(toTemplateKey(toRef(event)));
  if (!template || !finished) {
    throw new PermanentError(
      'template_unknown',
      `template '${event.template_id}' has no version ${event.template_version}`,
    );
  }
  if (template.channel !== event.channel) {
    throw new PermanentError(
      'channel_mismatch',
      `template '${event.template_id}' is for ${template.channel}, the record for ${event.channel}`,
    );
  }
  const { rendering, unsubscribeUrl } = finished;
  // Tried again by the runtime, alone.
  if (rendering.kind === 'postponed') throw new TransientError('slice_full', 'the slice holds too much already');
  return render(event, template, rendering, unsubscribeUrl, now);
}

function toRef(event: NotificationEnriched) {
  return { templateId: event.template_id, version: event.template_version };
}
