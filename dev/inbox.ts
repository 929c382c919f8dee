// The mail inbox (maildev): takes every mail and shows it on a page. Mails are kept as files.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPart, type PartContext, type Running } from './part.ts';
import { answersHttp, answersTcp } from './probe.ts';

export interface InboxOptions {
  smtpPort: number;
  webPort: number;
}

// It holds its mails in memory besides; a forgotten load test must not fill it.
const maxEmailCount = 5_000;
const program = fileURLToPath(new URL('../node_modules/maildev/dist/bin/maildev.js', import.meta.url));

export async function startInbox(
  { smtpPort, webPort }: InboxOptions,
  context: PartContext,
): Promise<Running<{ smtpUrl: string; inboxUrl: string }>> {
  const inboxUrl = `http://127.0.0.1:${webPort}`;
  const part = createPart(
    {
      name: 'inbox',
      title: 'The mail inbox',
      command: () => ({
        command: process.execPath,
        args: [
          program,
          ...['--smtp', String(smtpPort), '--ip', '127.0.0.1', '--web', String(webPort), '--web-ip', '127.0.0.1'],
          ...['--max-emails', String(maxEmailCount), '--mail-directory', join(context.dataDir, 'inbox')],
        ],
        cwd: context.dataDir,
      }),
      isReady: async () => (await answersTcp(smtpPort, new Uint8Array())) && (await answersHttp(inboxUrl)),
      stopSignal: 'SIGTERM',
      stopWithinMs: 3_000,
    },
    context,
  );
  await part.start();
  return { ...part, smtpUrl: `smtp://127.0.0.1:${smtpPort}`, inboxUrl };
}
