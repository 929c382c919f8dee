// Three kinds of tests: unit (beside the code, no infrastructure), integration and e2e (on real parts, shared by a run).
import { defineConfig } from 'vitest/config';

const onRealParts = { globalSetup: ['tests/support/global-setup.ts'], testTimeout: 120_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          testTimeout: 30_000,
          include: [
            '{lib,content,services,user-mock,dev,cli,bench,schemas,scripts}/**/*.test.ts',
            'tests/*.test.ts',
            'tests/faults/**/*.test.ts',
          ],
        },
      },
      // Mostly waiting: three files at a time keep two processors busy.
      {
        test: {
          name: 'integration',
          include: ['tests/integration/**/*.test.ts'],
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
          ...onRealParts,
        },
      },
      // Each file runs the whole system; some of them wait most of the time.
      {
        test: {
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
          ...onRealParts,
        },
      },
    ],
  },
});
