// ops/ is true: the dashboard and the alerts name metrics and labels that exist, every metric of ours has a place and an
// explanation, and every alert leads to the paragraph that says what to do.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createMetrics, createStageMetrics, watchReadiness } from '../lib/metrics.ts';
import { createAdminMetrics } from '../services/admin/metrics.ts';
import { createDispatcherMetrics } from '../services/dispatcher/dispatcher-metrics.ts';
import { createIngestMetrics } from '../services/ingest/metrics.ts';
import { createPlannerMetrics } from '../services/planner/planner-metrics.ts';
import { createRendererMetrics } from '../services/renderer/renderer-metrics.ts';
import { readPromql } from './support/promql.ts';

interface Alert {
  alert: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}
interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { h: number; w: number; x: number; y: number };
  targets?: { refId: string; expr: string; legendFormat: string }[];
}
interface Dashboard {
  uid: string;
  panels: Panel[];
  templating: { list: { name: string; type: string }[] };
  annotations: { list: { expr: string }[] };
}

const root = resolve(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const alerts = (parse(read('ops/prometheus/alerts.yml')) as { groups: { rules: Alert[] }[] }).groups.flatMap(
  ({ rules }) => rules,
);
const dashboard = JSON.parse(read('ops/grafana/posthorn.json')) as Dashboard;
const targets = dashboard.panels.flatMap(({ title, targets: own = [] }) => own.map((target) => ({ title, ...target })));
const queries: [string, string][] = [
  ...alerts.map(({ alert, expr }): [string, string] => [alert, expr]),
  ...targets.map(({ title, refId, expr }): [string, string] => [`panel ${title} ${refId}`, expr]),
  ...dashboard.annotations.list.map(({ expr }): [string, string] => ['annotation', expr]),
];
const operations = read('docs/operations.md');

/** Every metric that our processes have, with its labels; of a histogram all three. */
const known = collectMetrics();
const ours = [...known.keys()].filter((name) => name.startsWith('posthorn_'));
/** What Prometheus and exporters of others bring. */
const ofOthers = /^(up|node_\w+|pg_\w+)$/;
/** Labels that Prometheus adds to every series, and what a process says of itself. */
const everywhere = ['job', 'instance', 'service'];

function collectMetrics(): Map<string, { type: string; labels: string[] }> {
  const registry = createMetrics('test');
  watchReadiness(registry, () => []);
  createStageMetrics(registry);
  createIngestMetrics(registry);
  createPlannerMetrics(registry);
  createRendererMetrics(registry);
  createDispatcherMetrics(registry);
  createAdminMetrics(registry);
  const metrics = registry.getMetricsAsArray() as unknown as { name: string; type: string; labelNames: string[] }[];
  return new Map(metrics.map(({ name, type, labelNames }) => [name, { type, labels: [...labelNames] }]));
}

function labelsOf(series: string): string[] | undefined {
  const part = /^(.+)_(bucket|sum|count)$/.exec(series);
  const whole = part?.[1] === undefined ? undefined : known.get(part[1]);
  if (whole?.type === 'histogram') return [...whole.labels, ...(part?.[2] === 'bucket' ? ['le'] : [])];
  const one = known.get(series);
  return one && one.type !== 'histogram' ? one.labels : undefined;
}

/** As GitHub makes it of a heading. */
const toAnchor = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
const anchors = [...operations.matchAll(/^##+ (.+)$/gm)].map(([, heading = '']) => toAnchor(heading));

describe('what ops/ asks of the metrics', () => {
  it('is read from somewhere', () => {
    expect(alerts.length).toBeGreaterThan(15);
    expect(targets.length).toBeGreaterThan(30);
    expect(ours.length).toBeGreaterThan(30);
  });

  it.each(queries)('%s names metrics and labels that exist', (_where, expr) => {
    const { selectors, grouped } = readPromql(expr);
    for (const { metric, labels } of selectors) {
      if (ofOthers.test(metric)) continue;
      const own = labelsOf(metric);
      expect(own, `${metric} is a metric of ours, or of Node`).toBeDefined();
      expect(
        labels.filter((label) => ![...everywhere, ...(own ?? [])].includes(label)),
        metric,
      ).toEqual([]);
    }
    const possible = new Set([...everywhere, ...selectors.flatMap(({ metric }) => labelsOf(metric) ?? [])]);
    expect(grouped.filter((label) => !possible.has(label))).toEqual([]);
  });

  it.each(targets)('the legend of $title says labels that its query leaves', ({ expr, legendFormat }) => {
    const { selectors, grouped } = readPromql(expr);
    const isAggregate = /\b(sum|max|min|avg)\b/.test(expr);
    const left = isAggregate ? grouped : [...everywhere, ...selectors.flatMap(({ metric }) => labelsOf(metric) ?? [])];
    const named = [...legendFormat.matchAll(/{{(\w+)}}/g)].map(([, label = '']) => label);
    expect(named.filter((label) => !left.includes(label))).toEqual([]);
  });

  it('leaves no metric of ours without a place', () => {
    const asked = new Set(queries.flatMap(([, expr]) => readPromql(expr).selectors.map(({ metric }) => metric)));
    const whole = (name: string) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
    // A stage's own view of its lag, by partition; the dashboard shows the group's.
    const besides = ['posthorn_lag_records'];
    expect(ours.filter((name) => !whole(name).some((series) => asked.has(series)) && !besides.includes(name))).toEqual(
      [],
    );
  });

  it('finds a wrong expression', () => {
    expect(() => readPromql('sum(rate(up[5m])')).toThrow('a ) is missing');
    expect(() => readPromql('sum by priority (up)')).toThrow('by without brackets');
    expect(() => readPromql('ratee(up[5m])')).toThrow('ratee is no function');
    expect(() => readPromql('up{job="a" job="b"}')).toThrow('labels of up');
    expect(() => readPromql('rate(sum(up)[5m])')).toThrow('stands behind no metric');
    expect(() => readPromql("up{job='a'}")).toThrow('not PromQL');
  });
});

describe('an alert', () => {
  it('has a name of its own', () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  });

  it.each(alerts)('$alert says how bad it is, what is wrong, and where it stands what to do', (rule) => {
    expect(rule.alert).toMatch(/^Posthorn[A-Z]\w+$/);
    expect(rule.labels.severity).toMatch(/^(page|ticket)$/);
    expect(rule.annotations.summary).toMatch(/\S/);
    if (rule.for !== undefined) expect(rule.for).toMatch(/^\d+[smh]$/);
    const [file, anchor = ''] = (rule.annotations.runbook ?? '').split('#');
    expect(file).toBe('docs/operations.md');
    expect(anchors).toContain(anchor);
  });

  it.each(alerts)('$alert puts labels into its sentence that its expression leaves', ({ expr, annotations }) => {
    const { selectors, grouped } = readPromql(expr);
    const isAggregate = /\b(sum|max|min)\b *(by|\()/.test(expr) && !expr.startsWith('min_over_time');
    const matched = selectors.flatMap(({ metric, labels }) => [...labels, ...(labelsOf(metric) ?? [])]);
    const left = isAggregate ? grouped : [...everywhere, 'mountpoint', ...matched];
    const named = [...(annotations.summary ?? '').matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
    expect(named.filter((label) => !left.includes(label))).toEqual([]);
  });
});

describe('docs/operations.md', () => {
  it.each(ours)('explains %s', (name) => {
    expect(operations.includes(`\`${name}\``), `docs/operations.md says what ${name} is`).toBe(true);
  });

  it('and docs/deploying.md name no metric that does not exist', () => {
    const named = [operations, read('docs/deploying.md')].flatMap((text) => text.match(/\bposthorn_[a-z_]+\b/g) ?? []);
    const isMetric = (name: string) => known.has(name) || labelsOf(name) !== undefined;
    // The session's cookie and databases begin with the same word.
    expect([...new Set(named)].filter((name) => !isMetric(name))).toEqual([]);
  });

  it('has no link to a paragraph that is not there', () => {
    const links = [...operations.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor = '']) => anchor);
    expect(links.filter((anchor) => !anchors.includes(anchor))).toEqual([]);
  });
});

describe('the dashboard', () => {
  it('has panels with ids of their own that do not lie over each other', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { gridPos: one, title } of panels) {
      expect(one.x + one.w, title).toBeLessThanOrEqual(24);
      const over = panels.filter(
        ({ gridPos: other }) =>
          other !== one &&
          one.x < other.x + other.w &&
          other.x < one.x + one.w &&
          one.y < other.y + other.h &&
          other.y < one.y + one.h,
      );
      expect(
        over.map((panel) => panel.title),
        title,
      ).toEqual([]);
    }
  });

  it('takes its source from a choice that works wherever it is imported', () => {
    expect(dashboard.uid).toBe('posthorn');
    expect(dashboard.templating.list).toMatchObject([{ name: 'source', type: 'datasource' }]);
    const sources = read('ops/grafana/posthorn.json').match(/"uid": "(.+)"/g) ?? [];
    expect(new Set(sources)).toEqual(new Set([`"uid": "$\{source}"`, '"uid": "posthorn"']));
  });
});

describe('the example of prometheus.yml', () => {
  it('asks the ports that the processes have when nobody says otherwise', async () => {
    const { defaultPorts } = await import('../dev/ports.ts');
    const wanted = Object.entries(defaultPorts).flatMap(([name, port]) => (name.endsWith('Ops') ? [port] : []));
    const asked = [...read('ops/prometheus/prometheus.yml').matchAll(/^ +- 127\.0\.0\.1:(\d+)/gm)];
    expect(asked.map(([, port]) => Number(port)).sort()).toEqual(wanted.sort());
  });

  it('and that of docker compose ask for the same job, with the same alerts', () => {
    for (const name of ['prometheus.yml', 'prometheus.compose.yml']) {
      const file = parse(read(`ops/prometheus/${name}`)) as {
        rule_files: string[];
        scrape_configs: { job_name: string }[];
      };
      expect(file.rule_files).toEqual(['alerts.yml']);
      expect(file.scrape_configs.map(({ job_name }) => job_name)).toEqual(['posthorn']);
    }
  });
});
