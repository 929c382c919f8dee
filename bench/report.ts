// The figures as a Markdown table, for the terminal and for bench/results/.
import type { Accepts } from './figures/accepts.ts';
import type { LatencyFigures } from './figures/latency.ts';
import type { MailingFigures } from './figures/mailing.ts';
import type { PagesFigures } from './figures/pages.ts';
import type { Throughput } from './figures/throughput.ts';
import type { Machine, SourceState } from './machine.ts';
import type { Figures } from './run.ts';

export interface BenchResult extends SourceState {
  startedAt: string;
  command: string;
  machine: Machine;
  conditions: string[];
  figures: Figures;
}

type Row = [figure: string, measured: string, goal: string];

export function toMarkdown(result: BenchResult): string {
  const { figures, machine } = result;
  const sections = [
    `# Bench of ${result.startedAt.slice(0, 10)}, commit ${result.commit}${result.isDirty ? ' with changes not committed' : ''}`,
    `\`${result.command}\` on ${machine.processorCount} × ${machine.processor}, ${gigabytes(machine.memoryBytes)} memory, ${machine.system}, Node ${machine.node}; load before the run ${machine.loadBefore.toFixed(2)}.`,
    toTable(['figure', 'measured', 'goal'], headlines(figures)),
  ];
  if (figures.throughput) sections.push('## Per process, the middle round', perProcess(figures.throughput, figures));
  if (figures.throughput) sections.push('## Rounds', rounds(figures.throughput));
  if (figures.idle) {
    const rows = figures.idle.processes.map(({ name, cpuPercent }) => [name, `${cpuPercent.toFixed(1)} %`]);
    sections.push('## Idle', toTable(['process', 'CPU of one processor'], rows));
  }
  if (figures.pages) {
    const rows = figures.pages.pages.map(({ path, p50Ms, maxMs, bytes }) => [
      path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '<id>'),
      `${p50Ms.toFixed(0)} ms`,
      `${maxMs.toFixed(0)} ms`,
      `${(bytes / 1024).toFixed(0)} kB`,
    ]);
    sections.push('## Admin pages', toTable(['page', 'p50', 'slowest', 'size'], rows));
  }
  const disturbed = disturbance(figures);
  if (disturbed.length > 0)
    sections.push('## What others took of the machine meanwhile', toTable(['figure', 'share'], disturbed));
  sections.push('## Conditions', result.conditions.map((line) => `- ${line}`).join('\n'));
  return `${sections.join('\n\n')}\n`;
}

function headlines({ throughput, peaks, idle, latency, mailing, pages, accepts, start }: Figures): Row[] {
  return [
    ...(throughput ? throughputRows(throughput) : []),
    ...(peaks ? [peakRow(peaks)] : []),
    ...(idle ? [idleRow(idle)] : []),
    ...(latency ? latencyRows(latency) : []),
    ...(mailing ? mailingRows(mailing) : []),
    ...(pages ? [pagesRow(pages)] : []),
    ...(accepts ? [acceptsRow(accepts)] : []),
    ...(start ? [startRow(start)] : []),
  ];
}

function throughputRows({ peopleCount, middle }: Throughput): Row[] {
  const { pipeline, nodemailer, ratio } = middle;
  return [
    [
      `${thousands(peopleCount)} people, POST to mail server`,
      `${thousands(pipeline.perSecond)}/s (middle 80 %: ${thousands(pipeline.middlePerSecond)}/s)`,
      '',
    ],
    [
      'nodemailer alone, same mail and sink',
      `${thousands(nodemailer.perSecond)}/s (middle 80 %: ${thousands(nodemailer.middlePerSecond)}/s)`,
      '',
    ],
    ['ratio of both', ratio.toFixed(2), '≥ 1.5'],
    ['lost / doubled mails', `${pipeline.lostCount} / ${pipeline.doubledCount}`, '0 / 0'],
    [
      'CPU per person, all processes with sink',
      `${pipeline.cpuPerPersonUs.toFixed(0)} µs (nodemailer alone: ${nodemailer.cpuPerPersonUs.toFixed(0)} µs)`,
      '≤ 250 µs later',
    ],
    [
      'mail on the wire',
      `${thousands(pipeline.meanMailBytes)} B (nodemailer: ${thousands(nodemailer.meanMailBytes)} B)`,
      '',
    ],
  ];
}

function peakRow(peaks: NonNullable<Figures['peaks']>): Row {
  const [name = '', bytes = 0] = Object.entries(peaks).sort(([, a], [, b]) => b - a)[0] ?? [];
  return ['peak memory of the largest service', `${megabytes(bytes)} (${name})`, '< 250 MB'];
}

function idleRow({ processes }: NonNullable<Figures['idle']>): Row {
  const services = processes.filter(({ name }) => /^(admin|ingest|planner|enricher|renderer|dispatcher)$/.test(name));
  const worst = services.sort((a, b) => b.cpuPercent - a.cpuPercent)[0];
  return ['idle CPU of the busiest service', worst ? `${worst.cpuPercent.toFixed(1)} % (${worst.name})` : '', '< 2 %'];
}

function latencyRows({ idle, loaded }: LatencyFigures): Row[] {
  const both = (one: { p50Ms: number; p99Ms: number }) => `${one.p50Ms.toFixed(0)} / ${one.p99Ms.toFixed(0)} ms`;
  const { crowd } = loaded;
  return [
    [`high priority, POST to mail server, idle: p50 / p99 of ${idle.count}`, both(idle), ''],
    [
      `the same while ${thousands(crowd.load.okCount)} single low-priority requests are under way: p50 / p99 of ${loaded.count}`,
      both(loaded),
      'p99 < 1,000 ms',
    ],
    [
      'these low-priority ones, first POST to last mail',
      `${thousands(crowd.perSecond)}/s (${crowd.lostCount} lost, ${crowd.doubledCount} doubled)`,
      '',
    ],
  ];
}

function mailingRows(mailing: MailingFigures): Row[] {
  const { audienceCount, planned, sent, skipped, doubledCount, mailCount, state } = mailing;
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  return [
    [
      `a mailing to ${thousands(audienceCount)} people, from "send" to the first mail`,
      `${(mailing.firstMailMs / 1000).toFixed(2)} s`,
      '< 3 s',
    ],
    [
      'the same, to the last mail',
      `${(mailing.wholeMs / 1000).toFixed(1)} s, ${thousands(mailing.perSecond)}/s; ${state}: ${thousands(planned)} planned, ${thousands(sent)} sent, ${thousands(skipped)} skipped, ${thousands(mailCount)} mails, ${doubledCount} doubled`,
      '',
    ],
    ['the same, share of the time without a mail for 100 ms', percent(mailing.idleShare), '< 3 %'],
    ['the same, peak memory of the planner', megabytes(mailing.plannerPeakBytes), '< 220 MB'],
    [
      'the same, CPU of the live page at the admin service',
      `${mailing.livePagePercent.toFixed(1)} % of a processor, beside ${mailing.adminIdlePercent.toFixed(1)} % without it (${mailing.liveEventCount} events)`,
      '< 1 %',
    ],
  ];
}

function pagesRow({ pages, deliveryCount, mailingCount }: PagesFigures): Row {
  const slowest = pages.reduce((worst, page) => (page.maxMs > worst.maxMs ? page : worst));
  return [
    `slowest of ${pages.length} admin pages with ${thousands(deliveryCount)} deliveries, ${thousands(mailingCount)} mailings`,
    `${slowest.maxMs.toFixed(0)} ms (${slowest.path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '<id>')})`,
    '< 100 ms',
  ];
}

function acceptsRow({ ingest, echo, ratio, connections }: Accepts): Row {
  const failed = ingest.failedCount > 0 ? `, ${ingest.failedCount} failed` : '';
  return [
    `durable accepts, ${connections} connections, beside a bare hono echo`,
    `${thousands(ingest.perSecond)}/s of ${thousands(echo.perSecond)}/s: ${ratio.toFixed(2)} (p99 ${ingest.p99Ms} ms${failed})`,
    '0.35 later',
  ];
}

function startRow({ firstMs, secondMs, stopMs }: NonNullable<Figures['start']>): Row {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  return [
    'npm start, empty data / again / Ctrl-C',
    [firstMs, secondMs, stopMs].map(seconds).join(' / '),
    '< 30 s, 20 s',
  ];
}

function perProcess({ peopleCount, middle }: Throughput, { peaks }: Figures): string {
  const services: Readonly<Record<string, number>> = peaks ?? {};
  const rows = middle.pipeline.processes.map(({ name, cpuMs, peakBytes }) => [
    name,
    `${((cpuMs / peopleCount) * 1000).toFixed(0)} µs`,
    megabytes(peakBytes),
    services[name] === undefined ? '' : megabytes(services[name]),
  ]);
  return toTable(['process', 'CPU per person', 'peak memory', 'peak of the whole run'], rows);
}

function rounds({ rounds }: Throughput): string {
  const rows = rounds.map(({ pipeline, nodemailer, ratio }, index) => [
    String(index + 1),
    `${thousands(pipeline.perSecond)} (${thousands(pipeline.middlePerSecond)})`,
    `${thousands(nodemailer.perSecond)} (${thousands(nodemailer.middlePerSecond)})`,
    ratio.toFixed(2),
    `${pipeline.cpuPerPersonUs.toFixed(0)} µs`,
    `${(pipeline.othersShare * 100).toFixed(1)} / ${(nodemailer.othersShare * 100).toFixed(1)} %`,
  ]);
  const head = [
    'round',
    'Posthorn/s (middle)',
    'nodemailer/s (middle)',
    'ratio',
    'CPU per person',
    'others took of the machine',
  ];
  return toTable(head, rows);
}

/** The rounds say it for themselves. */
function disturbance({ idle, latency, mailing }: Figures): string[][] {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  return [
    ...(idle ? [['idle CPU', percent(idle.othersShare)]] : []),
    ...(mailing ? [['mailing', percent(mailing.othersShare)]] : []),
    ...(latency ? [['high priority, idle', percent(latency.idle.othersShare)]] : []),
    ...(latency ? [['high priority, under load', percent(latency.loaded.othersShare)]] : []),
  ];
}

/** Columns of equal width, so that it reads on a terminal as well. */
export function toTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(0)} GB`;
}
