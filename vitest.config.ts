// Three kinds of tests: unit (beside the code, no infrastructure), integration and e2e (on real parts, shared by a run).
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { InterleavedSequencer } from './tests/support/interleaved.ts';

// Each file runs services or a whole system, and waits for much of its time: two more of them than there are processors
// keep all of these busy.
const onRealParts = {
  globalSetup: ['tests/support/global-setup.ts'],
  testTimeout: 240_000,
  hookTimeout: 240_000,
  expect: { poll: { timeout: 60_000 } },
  maxWorkers: Math.min(6, availableParallelism() + 2),
};

export default defineConfig({
  test: {
    sequence: { sequencer: InterleavedSequencer },
    projects: [
      {
        test: {
          name: 'unit',
          testTimeout: 30_000,
          expect: { poll: { timeout: 20_000 } },
          // They share nothing that one could leave behind for another, and to load all modules once saves a third.
          isolate: false,
          include: [
            '{domain,lib,content,services,user-mock,dev,cli,bench,schemas,scripts}/**/*.test.ts',
            'tests/*.test.ts',
            'tests/faults/**/*.test.ts',
          ],
        },
      },
      {
        test: {
          name: 'integration',
          include: ['tests/integration/**/*.test.ts'],
          sequence: { groupOrder: 1 },
          ...onRealParts,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts'],
          sequence: { groupOrder: 1 },
          ...onRealParts,
        },
      },
    ],
  },
});
