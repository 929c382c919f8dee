// The order of test files in a run. Files of whole systems wait a lot and files of one service hardly ever, so each kind
// fills the other's pauses when they run side by side from the first to the last; the longest go first.
import { statSync } from 'node:fs';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The longest of each kind, whatever the size of their files: what begins first leaves no lonely file at the end. */
const longest = [
  'e2e/faults',
  'e2e/outages',
  'e2e/mailing-runner',
  'e2e/launcher',
  'e2e/lost-records',
  'e2e/capabilities',
  'e2e/liveness',
  'integration/admin-flood',
  'integration/kafka-outage',
  'integration/ingest-outage',
  'integration/dispatcher-clock',
  'integration/dispatcher-channels',
  'integration/liveness',
  'integration/ingest-flood',
  'integration/dispatcher-poisoned',
  'integration/renderer',
  'integration/stage-compression',
  'integration/infrastructure',
  'lib/user-service',
  'services/renderer/render-lane',
  'fuzz/fuzz',
];

export class InterleavedSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const places = new Map<TestSpecification, number>();
    for (const name of new Set(files.map(({ project }) => project.name))) {
      const own = files.filter(({ project }) => project.name === name);
      const sorted = own.toSorted((a, b) => weigh(b.moduleId) - weigh(a.moduleId));
      for (const [index, file] of sorted.entries()) places.set(file, index / sorted.length);
    }
    const groupOf = ({ project }: TestSpecification) => project.config.sequence.groupOrder;
    return files.toSorted((a, b) => groupOf(a) - groupOf(b) || (places.get(a) ?? 0) - (places.get(b) ?? 0));
  }
}

function weigh(path: string): number {
  const rank = longest.findIndex((name) => path.endsWith(`/${name}.test.ts`));
  return rank < 0 ? statSync(path).size : 1e9 - rank;
}
