// A plain proxy before any server, whose connections can all be reset at once.
import { connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  resetAll(): void;
  stop(): Promise<void>;
}

/** @param port where it listens; Kafka has to be told before it starts */
export async function startTcpProxy(target: { host: string; port: number }, port: number): Promise<TcpProxy> {
  const clients = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    clients.add(client);
    const upstream = connect({ ...target, noDelay: true });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        clients.delete(client);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const resetAll = () => {
    for (const client of clients) client.resetAndDestroy();
  };
  return {
    port,
    resetAll,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        resetAll();
      }),
  };
}
