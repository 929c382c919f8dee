// Stands before the user service and passes everything on; of single people it can say something else.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface UserProxy {
  readonly url: string;
  /** Asked for each person of a batch: what stands in their place; undefined leaves them as they are. */
  rule: (user: { id: string }) => readonly unknown[] | undefined;
  stop(): Promise<void>;
}

export async function startUserProxy(target: string): Promise<UserProxy> {
  const server = createServer(async (request, response) => {
    // Whoever has left wants no answer, and what hangs behind us must not hang for ever.
    const left = new AbortController();
    response.on('close', () => left.abort());
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const answer = await fetch(`${target}${request.url}`, {
        method: request.method ?? 'GET',
        headers: { 'content-type': 'application/json' },
        body: chunks.length === 0 ? null : Buffer.concat(chunks),
        signal: left.signal,
      });
      const text = await answer.text();
      const isBatch = answer.status === 200 && request.url === '/users/batch';
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(isBatch ? alter(text) : text);
    } catch {
      response.destroy();
    }
  });
  const proxy: UserProxy = {
    url: '',
    rule: () => undefined,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(proxy, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });

  function alter(text: string): string {
    let answer: { users?: unknown };
    try {
      answer = JSON.parse(text) as { users?: unknown };
    } catch {
      return text;
    }
    if (!Array.isArray(answer?.users)) return text;
    const users = (answer.users as { id: string }[]).flatMap((user) => (user && proxy.rule(user)) ?? [user]);
    return JSON.stringify({ ...answer, users });
  }
}
