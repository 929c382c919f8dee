// Templates and contexts, rendered as the renderer does it, in its own threads: every message is made or fails with a reason,
// in time, and the sound one among them is made.
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { TemplateVersion } from '../../../../content/template.ts';
import type { PersonData } from '../../../../content/variables.ts';
import { createLimitBreaker } from '../../../../services/renderer/limit-breaker.ts';
import { createRenderLane } from '../../../../services/renderer/render-lane.ts';
import { createRenderThread } from '../../../../services/renderer/render-thread.ts';
import { createSliceWeight } from '../../../../services/renderer/slice-weight.ts';
import type { Job, Rendering } from '../../../../services/renderer/work.ts';
import { nestedPeople, people, rawTemplate, type TemplateParts, templates } from '../generators/templates.ts';
import { type FuzzKind, opened } from '../kind.ts';

const perSlice = 20;
/** A person alone has one second, a thread that was killed a moment to start again; the machine does other things as well. */
const allowedMs = 15_000;
const unsubscribeUrl = 'https://posthorn.example/u/token';

interface Slice {
  template: TemplateParts;
  people: PersonData[];
}

const two = { minLength: 2, maxLength: 2 };
const slice: fc.Arbitrary<Slice> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ template: templates, people: fc.array(people, two) }) },
  { weight: 1, arbitrary: fc.record({ template: fc.constant(rawTemplate), people: fc.array(nestedPeople, two) }) },
);

export const templateRenderings: FuzzKind = {
  name: 'template',
  title: 'templates with contexts, rendered',
  casesOfMillion: 40_000,
  needs: 'nothing',
  async open() {
    const thread = createRenderThread({ keepAlive: true });
    const lane = createRenderLane({
      threads: [thread],
      breaker: createLimitBreaker(),
      weight: createSliceWeight(),
      now: Date.now,
    });
    return opened<Slice[]>({
      inputs: fc.array(slice, { minLength: 1, maxLength: perSlice / 2 }),
      casesPerInput: perSlice / 2,
      async tryOne(slices) {
        const jobs = [...slices.flatMap(toJobs), soundJob()];
        const startedAtMs = performance.now();
        const renderings = await lane.render(jobs, new AbortController().signal);
        const tookMs = performance.now() - startedAtMs;
        if (tookMs > allowedMs + jobs.length * 1_500) return `a slice took ${Math.round(tookMs)} ms`;
        if (renderings.length !== jobs.length) return `${renderings.length} renderings of ${jobs.length} messages`;
        const sound = renderings.at(-1);
        if (sound?.kind === 'failed') return `the sound message fails: ${sound.detail}`;
        return renderings.map(findFault).find((fault) => fault !== undefined);
      },
      close: () => lane.stop(),
    });
  },
};

function toJobs({ template, people: list }: Slice): Job[] {
  const version: TemplateVersion = { ...template, templateId: randomUUID(), version: 1, fromName: null };
  const url = template.channel === 'email' ? unsubscribeUrl : null;
  return list.map((person, at) => ({
    template: version,
    requestId: randomUUID(),
    person,
    unsubscribeUrl: at === 0 ? url : null,
  }));
}

function soundJob(): Job {
  const template = {
    templateId: randomUUID(),
    version: 1,
    channel: 'email',
    subject: 'Hello',
    html: '<p>{{ a }}</p>',
    text: null,
  } as const;
  return {
    template: { ...template, fromName: null, replyTo: null },
    requestId: randomUUID(),
    person: { collected: '{}', context: '{"a": "b"}', firstName: 'Ada', lastName: 'Lovelace' },
    unsubscribeUrl: null,
  };
}

function findFault(rendering: Rendering): string | undefined {
  switch (rendering.kind) {
    case 'postponed':
      return undefined;
    case 'failed':
      return /\bat .*:\d+:\d+|file:\/\/|node_modules|\/(lib|content|services)\//.test(rendering.detail)
        ? `its detail shows our code: ${rendering.detail.slice(0, 120)}`
        : undefined;
    case 'message': {
      const { subject, text, html } = rendering.message;
      if (/[\r\n\0]/.test(subject)) return 'its subject has a line break or a NUL';
      return text.includes('\0') || html?.includes('\0') ? 'it has a NUL' : undefined;
    }
  }
}
