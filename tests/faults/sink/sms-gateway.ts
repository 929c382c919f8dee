// The sink's SMS gateway: `POST {to, text, idempotency_key}`, follows the script, knows a repeat by its key, and writes a
// message down before it says that it has it.
import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { calmScript, type Script, smsTroubleOf } from './script.ts';
import type { TakenMail } from './smtp-server.ts';

export interface SmsGateway {
  server: Server;
  setScript(script: Script): void;
}

/** @param writeDown must be done when it returns; called once for each idempotency key */
export function createSmsGateway(writeDown: (message: TakenMail) => void): SmsGateway {
  let script: Script = calmScript;
  const troubled = new Map<string, number>();
  const known = new Set<string>();

  const take = (to: string, notificationId: string) => {
    if (known.has(notificationId)) return;
    known.add(notificationId);
    writeDown({ notificationId, to });
  };

  const server = createServer(async (request, response) => {
    let text = '';
    for await (const part of request) text += part;
    const { to, idempotency_key: key } = JSON.parse(text) as { to: string; idempotency_key: string };
    const times = troubled.get(to) ?? 0;
    const possible = smsTroubleOf(script, to);
    const trouble = possible && times < possible.times ? possible : undefined;
    if (trouble) troubled.set(to, times + 1);
    if (trouble?.isTaken) take(to, key);
    if (trouble?.pauseMs) await sleep(trouble.pauseMs, undefined, { ref: false });
    if (response.destroyed) return;
    if (trouble?.afterwards === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    const status = trouble?.status ?? 202;
    // Whatever 2xx it is: that accepts.
    if (status >= 200 && status < 300) take(to, key);
    const headers = { 'content-type': 'application/json' };
    response.writeHead(status, headers).end(trouble?.body ?? JSON.stringify({ id: key }));
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  return {
    server,
    setScript(next) {
      script = next;
    },
  };
}
