// The sink as the harness handles it: starts the process, tells it what to do, reads what it has written down.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { SinkCommand, SinkEvent } from './protocol.ts';
import type { Script } from './script.ts';
import type { TakenMail } from './smtp-server.ts';

export interface Accepted extends TakenMail {
  /** Milliseconds since 1970 UTC. */
  atMs: number;
}

export interface FaultSink {
  readonly smtpUrl: string;
  readonly smsGatewayUrl: string;
  /** In the order in which they were taken, all of them. */
  accepted(): readonly Accepted[];
  follow(script: Script): Promise<void>;
  /** Resolves when a mail (one with this text in it) has been written down whose answer now waits for `release`. */
  holdNext(containing?: string): Promise<TakenMail>;
  release(): Promise<void>;
  stop(): Promise<void>;
}

/** @param file a new one, into which it writes */
export async function startFaultSink(file: string): Promise<FaultSink> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), file], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Whoever presses Ctrl-C wants the harness to stop, which still counts.
    detached: true,
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const waiting: { happened: SinkEvent['happened']; resolve(event: SinkEvent): void }[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = JSON.parse(line) as SinkEvent;
    const at = waiting.findIndex(({ happened }) => happened === event.happened);
    if (at >= 0) waiting.splice(at, 1)[0]?.resolve(event);
  });
  const until = <H extends SinkEvent['happened']>(happened: H) =>
    new Promise<Extract<SinkEvent, { happened: H }>>((resolve, reject) => {
      waiting.push({ happened, resolve: (event) => resolve(event as Extract<SinkEvent, { happened: H }>) });
      void exited.then(() => reject(new Error('the sink has ended')));
    });
  const tell = async (command: SinkCommand, answer: 'scripted' | 'holding' | 'released') => {
    const done = until(answer);
    child.stdin.write(`${JSON.stringify(command)}\n`);
    await done;
  };
  const { port, smsPort } = await until('listening');
  const read = createReader(file);

  return {
    smtpUrl: `smtp://127.0.0.1:${port}`,
    smsGatewayUrl: `http://127.0.0.1:${smsPort}/sms`,
    accepted: read,
    follow: (script) => tell({ do: 'script', script: { ...script, spared: [...script.spared] } }, 'scripted'),
    async holdNext(containing) {
      const held = until('held');
      await tell({ do: 'hold', ...(containing === undefined ? {} : { containing }) }, 'holding');
      return (await held).mail;
    },
    release: () => tell({ do: 'release' }, 'released'),
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}

/** Reads on from where it was; a line is complete when its end is there. */
function createReader(file: string): () => readonly Accepted[] {
  const accepted: Accepted[] = [];
  const chunk = Buffer.alloc(1024 * 1024);
  let offset = 0;
  let rest = '';
  return () => {
    const handle = openSync(file, 'r');
    try {
      for (let count = read(); count > 0; count = read()) {
        rest += chunk.toString('latin1', 0, count);
        offset += count;
        const lines = rest.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const [atMs, notificationId = '', to = ''] = line.split(' ');
          accepted.push({ atMs: Number(atMs), notificationId, to });
        }
      }
    } finally {
      closeSync(handle);
    }
    return accepted;

    function read(): number {
      return readSync(handle, chunk, 0, chunk.length, offset);
    }
  };
}
