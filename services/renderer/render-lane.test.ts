// On real worker threads: what is tested is that a template cannot do harm to others.
import { afterEach, describe, expect, it } from 'vitest';
import type { TemplateVersion } from '../../content/template.ts';
import { createLimitBreaker } from './limit-breaker.ts';
import { createRenderLane, type RenderLane } from './render-lane.ts';
import { createRenderThread } from './render-thread.ts';
import { createSliceWeight, type SliceWeight } from './slice-weight.ts';
import type { Job, Rendering } from './work.ts';

/** Short for the test, long for an ordinary message on a busy machine. */
const shortLimits = { taskLimitMs: 800, personLimitMs: 800 };
const lanes: RenderLane[] = [];
afterEach(async () => {
  await Promise.all(lanes.splice(0).map((lane) => lane.stop()));
});

const createLane = (
  options: {
    taskLimitMs?: number;
    personLimitMs?: number;
    heapMb?: number;
    threads?: number;
    weight?: SliceWeight;
    now?: () => number;
    onUnmeant?: (template: TemplateVersion, stack: string) => void;
  } = {},
) => {
  const { threads = 1, heapMb = 64, ...limits } = options;
  const lane = createRenderLane({
    threads: Array.from({ length: threads }, () => createRenderThread({ keepAlive: false, heapMb })),
    breaker: createLimitBreaker(),
    weight: createSliceWeight(),
    now: Date.now,
    ...limits,
  });
  lanes.push(lane);
  return lane;
};
const template = (templateId: string, html: string): TemplateVersion => ({
  templateId,
  version: 1,
  channel: 'email',
  subject: 'For {{ first_name }}',
  html,
  text: 'x',
  fromName: null,
  replyTo: null,
});
const good = template('good', '<p>{{ first_name }}</p>');
// Neither steps nor characters show what it costs: one filter that looks through a list for each of its items.
const slow = template('slow', '{% assign found = list | where_exp: "x", "list contains 99999999" %}'.repeat(20));
const greedy = template(
  'greedy',
  '{% assign s = "aaaaaaaaaaaaaaaa" %}{% for i in (1..15) %}{% assign s = s | append: s %}{% endfor %}{% assign a = s | split: "" | sort %}',
);
const list = JSON.stringify({ list: Array.from({ length: 10_000 }, (_, n) => n) });

const job = (n: number, changes: Partial<Job> = {}): Job => ({
  template: good,
  requestId: `request ${n}`,
  person: { collected: '{}', context: '{}', firstName: `Ada ${n}`, lastName: '' },
  unsubscribeUrl: null,
  ...changes,
});
const hostileJob = (n: number, hostile: TemplateVersion, changes: Partial<Job> = {}): Job =>
  job(n, { template: hostile, person: { ...job(n).person, context: list }, ...changes });
const render = (lane: RenderLane, jobs: Job[]) => lane.render(jobs, new AbortController().signal);
const detail = (rendering: Rendering | undefined) => (rendering?.kind === 'failed' ? rendering.detail : '');
const isFineFor = (n: number) => ({ kind: 'message', message: { html: `<p>Ada ${n}</p>`, subject: `For Ada ${n}` } });

describe('a lane', { timeout: 60_000 }, () => {
  it('gives back one rendering for each job, in order, whatever number there is', async () => {
    const lane = createLane({ threads: 2 });
    expect(await render(lane, [])).toEqual([]);
    const renderings = await render(
      lane,
      Array.from({ length: 501 }, (_, n) => job(n)),
    );
    expect(renderings).toHaveLength(501);
    for (const [n, rendering] of renderings.entries()) expect(rendering).toMatchObject(isFineFor(n));
  });

  it('renders many templates in one slice, also more than a thread keeps', async () => {
    const lane = createLane();
    const jobs = Array.from({ length: 300 }, (_, n) =>
      job(n, { template: template(`t${n % 150}`, `${n % 150} {{ first_name }}`) }),
    );
    const renderings = await render(lane, jobs);
    expect(renderings.map((rendering) => rendering.kind === 'message' && rendering.message.html)).toEqual(
      jobs.map((_, n) => `${n % 150} Ada ${n}`),
    );
  });

  it('fails the people of a template that does not parse, with line and column, and nobody else', async () => {
    const broken = template('broken', '<p>\n{{ x | nope }}</p>');
    const renderings = await render(createLane(), [job(0), job(1, { template: broken }), job(2)]);
    expect(renderings).toMatchObject([
      isFineFor(0),
      { kind: 'failed', reason: 'template_error', detail: 'html line 2, column 1: undefined filter: nope' },
      isFineFor(2),
    ]);
  });

  it('kills a thread that takes too long, and only the guilty people fail', async () => {
    const lane = createLane(shortLimits);
    const renderings = await render(lane, [job(0), hostileJob(1, slow), job(2), job(3)]);
    expect(renderings).toMatchObject([
      isFineFor(0),
      { kind: 'failed', reason: 'render_limit' },
      isFineFor(2),
      isFineFor(3),
    ]);
    expect(detail(renderings[1])).toBe('it did not end within 800 ms and was stopped');
    expect(await render(lane, [job(4)])).toMatchObject([isFineFor(4)]);
  });

  it('outlives a template that uses up the memory of its thread', async () => {
    const lane = createLane({ heapMb: 20 });
    const renderings = await render(lane, [job(0), job(1, { template: greedy }), job(2)]);
    expect(renderings).toMatchObject([isFineFor(0), { kind: 'failed', reason: 'render_limit' }, isFineFor(2)]);
    expect(detail(renderings[1])).toBe('it needed more than 20 MB of memory and was stopped');
  });

  it('does not try each of a hostile template’s thousand people', async () => {
    const lane = createLane({ ...shortLimits, now: () => 0 });
    const renderings = await render(
      lane,
      Array.from({ length: 1_000 }, (_, n) => (n % 2 === 0 ? hostileJob(n, slow) : job(n))),
    );
    for (const [n, rendering] of renderings.entries()) {
      expect(rendering).toMatchObject(n % 2 === 0 ? { kind: 'failed', reason: 'render_limit' } : isFineFor(n));
    }
    const tried = renderings.filter((rendering) => detail(rendering).startsWith('it did not end'));
    expect(tried.length).toBeLessThanOrEqual(5);
    expect(detail(renderings.at(-2))).toMatch(
      /^not tried, for this template ran into its limits 5 times: it did not end/,
    );
  });

  it('refuses a request whose context is harmful, and serves the template’s other requests', async () => {
    const lane = createLane(shortLimits);
    const loop = template('loop', '{% for a in list %}{% for b in list %}{{ a }}{% endfor %}{% endfor %}');
    const bad = { requestId: 'bad' };
    const fine = (n: number) => job(n, { template: loop, requestId: 'fine' });
    const jobs = [
      hostileJob(0, loop, bad),
      fine(1),
      hostileJob(2, loop, bad),
      fine(3),
      hostileJob(4, loop, bad),
      fine(5),
    ];
    const renderings = await render(lane, jobs);
    expect(renderings.map((rendering) => rendering.kind)).toEqual([
      'failed',
      'message',
      'failed',
      'message',
      'failed',
      'message',
    ]);
    expect(detail(renderings[4])).toMatch(/^not tried, for this request ran into its limits 2 times/);
  });

  it('fails a message that breaks the code below it, tells of the error, and renders the others', async () => {
    const stacks: string[] = [];
    const lane = createLane({ onUnmeant: (_, stack) => stacks.push(stack) });
    const derived = { ...template('derived', '{{ body | raw }}'), text: null };
    const bodyOf = (n: number, body: string) =>
      job(n, { template: derived, person: { ...job(n).person, context: JSON.stringify({ body }) } });
    const renderings = await render(lane, [
      bodyOf(0, '<p>fine</p>'),
      bodyOf(1, '<b>'.repeat(20_000)),
      // html-to-text reads beyond its table of Roman digits.
      bodyOf(2, '<ol type="i" start="10000"><li>x</li></ol>'),
      bodyOf(3, '<p>fine</p>'),
    ]);
    expect(renderings).toMatchObject([
      { kind: 'message', message: { text: 'fine\n' } },
      { kind: 'failed', reason: 'render_limit' },
      {
        kind: 'failed',
        reason: 'template_error',
        detail: expect.stringMatching(/^the renderer met an error of its own/),
      },
      { kind: 'message', message: { text: 'fine\n' } },
    ]);
    expect(stacks).toEqual([expect.stringMatching(/^TypeError[\s\S]*\n {4}at /)]);
    expect(detail(renderings[2])).not.toContain('    at ');
  });

  it('renders the rest of a mailing in which some people’s names are too long', async () => {
    const lane = createLane();
    const named = template('named', '<p>x</p>');
    const jobs = Array.from({ length: 400 }, (_, n) => {
      const firstName = n % 10 < 3 ? 'A'.repeat(1_000) : `Ada ${n}`;
      return job(n, { template: named, requestId: 'mailing', person: { ...job(n).person, firstName } });
    });
    const kinds = Map.groupBy(await render(lane, jobs), ({ kind }) => kind);
    expect([kinds.get('message')?.length, kinds.get('failed')?.length]).toEqual([280, 120]);
  });

  it('is not held up by what happens in another lane', async () => {
    const busy = createLane(shortLimits);
    const quick = createLane();
    await Promise.all([render(busy, [job(0)]), render(quick, [job(0)])]);
    let isBusyDone = false;
    const hostile = render(busy, [hostileJob(0, slow), hostileJob(1, slow)]).then(() => {
      isBusyDone = true;
    });
    for (let n = 0; n < 10; n++) expect(await render(quick, [job(n)])).toMatchObject([isFineFor(n)]);
    expect(isBusyDone).toBe(false);
    await hostile;
  });

  it('holds no more than a few megabytes for a slice, and postpones the rest', async () => {
    const weight = createSliceWeight();
    const lane = createLane({ weight });
    const big = template('big', '{{ pad }}{{ pad }}{{ pad }}{{ pad }}{{ pad }}');
    const context = JSON.stringify({ pad: 'x'.repeat(60_000) });
    const bigJob = (n: number) => job(n, { template: big, person: { ...job(n).person, context } });
    const renderings = await render(
      lane,
      Array.from({ length: 100 }, (_, n) => bigJob(n)),
    );
    const kinds = Map.groupBy(renderings, ({ kind }) => kind);
    expect([...kinds.keys()].sort()).toEqual(['message', 'postponed']);
    expect(kinds.get('message')?.length).toBeLessThan(40);
    expect(weight.weigh('big@1')).toBe(19);
    // The runtime tries each of those alone.
    expect(await render(lane, [bigJob(99)])).toMatchObject([{ kind: 'message' }]);
  });

  it('postpones the rest of a slice that has taken ten seconds', async () => {
    let now = 0;
    const lane = createLane({ ...shortLimits, now: () => (now += 4_000) });
    const renderings = await render(
      lane,
      Array.from({ length: 200 }, (_, n) => job(n)),
    );
    expect(renderings[0]).toMatchObject(isFineFor(0));
    expect(renderings.at(-1)).toEqual({ kind: 'postponed' });
    expect(await render(lane, [job(199)])).toMatchObject([isFineFor(199)]);
  });

  it('judges nothing once it is told to stop', async () => {
    const stopping = new AbortController();
    stopping.abort(new Error('the lane leaves'));
    await expect(createLane().render([job(0)], stopping.signal)).rejects.toThrow('the lane leaves');
  });
});
