// vitest's globalSetup of the projects that need real parts: they share one infrastructure, and get its addresses by
// inject('infrastructure').
import type { TestProject } from 'vitest/node';
import { startTestInfrastructure, type TestEnvironment } from './infrastructure.ts';

declare module 'vitest' {
  interface ProvidedContext {
    infrastructure: TestEnvironment;
  }
}

type Started = ReturnType<typeof startTestInfrastructure>;

// vitest loads this file once for each project, so the one infrastructure is kept where all of them see it.
const shared = globalThis as { posthornInfrastructure?: { started: Started; userCount: number } | undefined };

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.posthornInfrastructure ??= { started: startTestInfrastructure(), userCount: 0 };
  const own = shared.posthornInfrastructure;
  own.userCount += 1;
  const { env, stop } = await own.started;
  project.provide('infrastructure', env);
  return async () => {
    own.userCount -= 1;
    if (own.userCount > 0) return;
    shared.posthornInfrastructure = undefined;
    await stop();
  };
}
