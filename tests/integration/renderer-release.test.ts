// A release that can render nothing: its renderer must not fail anybody's message for it, but stop.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRenderThread } from '../../services/renderer/render-thread.ts';
import type { Job } from '../../services/renderer/work.ts';
import { type Change, copyRelease } from '../faults/harness/broken-release.ts';

function startBrokenThread(change: Change) {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-release-'));
  copyRelease(folder, change);
  const thread = createRenderThread({
    keepAlive: false,
    workerFile: new URL(`file://${folder}/services/renderer/render-worker.ts`),
  });
  onTestFinished(async () => {
    await thread.stop();
    rmSync(folder, { recursive: true });
  });
  return thread;
}

const job: Job = {
  template: {
    templateId: 'good',
    version: 1,
    channel: 'email',
    subject: 'Hello',
    html: '<p>{{ first_name }}</p>',
    text: null,
    fromName: null,
    replyTo: null,
  },
  requestId: 'r',
  person: { collected: '{}', context: '{}', firstName: 'Ada', lastName: '' },
  unsubscribeUrl: null,
};

describe('a release whose rendering is broken', { timeout: 30_000 }, () => {
  it.each([
    [
      'throws for every message',
      'content/render.ts',
      '  const parsed = parseTemplate(template);\n',
      'a bug of this release',
    ],
    [
      'refuses every link',
      'content/links.ts',
      '  for (const match of html.matchAll(attribute)) {\n',
      'a bug of this release',
    ],
  ])('that %s judges no message: the lane stops', async (_, file, from, message) => {
    const thread = startBrokenThread({ file, from, to: `  if (1) throw new TypeError('${message}');\n${from}` });
    await expect(thread.render([job, job], 5_000)).rejects.toThrow(message);
  });
});
