// An SMS gateway that answers as a test wants, call by call.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface SmsCall {
  to: string;
  text: string;
  idempotency_key: string;
  authorization: string | undefined;
}

/** An HTTP status; `drop` closes the connection instead, `freeze` never answers. */
export type SmsGatewayAnswer = number | 'drop' | 'freeze';

export interface LyingSmsGateway {
  answer: (call: SmsCall) => SmsGatewayAnswer;
  readonly calls: readonly SmsCall[];
  readonly url: string;
}

/** To be called inside a test; stopped with it. */
export async function startLyingSmsGateway(answer: (call: SmsCall) => SmsGatewayAnswer): Promise<LyingSmsGateway> {
  const calls: SmsCall[] = [];
  const gateway = { answer, calls, url: '' };
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await readText(request)) as Omit<SmsCall, 'authorization'>;
    const call = { ...body, authorization: request.headers.authorization };
    calls.push(call);
    const status = gateway.answer(call);
    if (status === 'freeze') return;
    if (status === 'drop') request.socket.destroy();
    else
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(JSON.stringify({ error: `about ${call.to}` }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  gateway.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sms`;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return gateway;
}

async function readText(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
