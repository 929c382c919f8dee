import { describe, expect, it } from 'vitest';
import type { Pass } from './figures/throughput.ts';
import { type BenchResult, toMarkdown } from './report.ts';

const pass = (changes: Partial<Pass>): Pass => ({
  perSecond: 3_000,
  middlePerSecond: 3_500,
  cpuPerPersonUs: 300,
  meanMailBytes: 1_800,
  lostCount: 0,
  doubledCount: 0,
  othersShare: 0.01,
  processes: [{ name: 'planner', cpuMs: 40, peakBytes: 90e6 }],
  ...changes,
});

function resultWith(figures: BenchResult['figures']): BenchResult {
  return {
    startedAt: '2026-11-23T12:00:00.000Z',
    commit: 'abc',
    isDirty: false,
    command: 'npm run bench',
    machine: { processor: 'cpu', processorCount: 2, memoryBytes: 8e9, system: 'linux', node: 'v24', loadBefore: 0.1 },
    conditions: ['nothing else ran'],
    figures,
  };
}

describe('the report', () => {
  it('shows loss and doubles, CPU per person and the share others took', () => {
    const round = {
      pipeline: pass({ lostCount: 7, doubledCount: 2 }),
      nodemailer: pass({ perSecond: 1_500 }),
      ratio: 2,
    };
    const markdown = toMarkdown(
      resultWith({ throughput: { peopleCount: 1_000, warmUpCount: 10, rounds: [round], middle: round } }),
    );
    expect(markdown).toMatch(/lost \/ doubled mails +\| 7 \/ 2 /);
    expect(markdown).toMatch(/ratio of both +\| 2\.00 +\| ≥ 1\.5/);
    expect(markdown).toMatch(/planner +\| 40 µs +\| 90 MB/);
    expect(markdown).toMatch(/1\.0 \/ 1\.0 %/);
  });

  it('names the service that is furthest from its goal', () => {
    const idle = {
      durationMs: 10_000,
      othersShare: 0,
      processes: ['ingest', 'dispatcher', 'kafka'].map((name, index) => ({ name, cpuPercent: index + 0.5 })),
    };
    const markdown = toMarkdown(resultWith({ idle, peaks: { ingest: 100e6, renderer: 260e6 } }));
    expect(markdown).toMatch(/busiest service +\| 1\.5 % \(dispatcher\)/);
    expect(markdown).toMatch(/largest service +\| 260 MB \(renderer\)/);
  });

  it('says nothing of what was not measured', () => {
    expect(toMarkdown(resultWith({}))).not.toMatch(/people|latency|NaN|undefined/i);
  });

  it('tells results of changed sources from those of a commit', () => {
    expect(toMarkdown({ ...resultWith({}), isDirty: true })).toContain('with changes not committed');
  });
});
