// vitest's globalSetup of the projects that need real parts: they share one infrastructure, and get its addresses by
// inject('infrastructure').
import type { TestProject } from 'vitest/node';
import { offerBrowser } from './browser-server.ts';
import { startTestInfrastructure, type TestEnvironment } from './infrastructure.ts';

declare module 'vitest' {
  interface ProvidedContext {
    infrastructure: TestEnvironment;
    /** A database with all migrations, to be copied. */
    databaseTemplate: string;
    /** Where to ask for the run's browser. */
    browserUrl: string;
  }
}

type Started = ReturnType<typeof start>;

// vitest loads this file once for each project, so the one infrastructure is kept where all of them see it.
const shared = globalThis as { posthornInfrastructure?: { started: Started; userCount: number } | undefined };

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.posthornInfrastructure ??= { started: start(), userCount: 0 };
  const own = shared.posthornInfrastructure;
  own.userCount += 1;
  const { env, databaseTemplate, browserUrl, stop } = await own.started;
  project.provide('infrastructure', env);
  project.provide('databaseTemplate', databaseTemplate);
  project.provide('browserUrl', browserUrl);
  return async () => {
    own.userCount -= 1;
    if (own.userCount > 0) return;
    shared.posthornInfrastructure = undefined;
    await stop();
  };
}

async function start() {
  const infrastructure = await startTestInfrastructure();
  const browser = await offerBrowser();
  return {
    ...infrastructure,
    browserUrl: browser.url,
    stop: () => Promise.all([browser.stop(), infrastructure.stop()]),
  };
}
