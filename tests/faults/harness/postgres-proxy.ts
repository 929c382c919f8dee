// A proxy before Postgres that knows statements. It can cut a connection when a statement has been done and before its
// answer gets through (the answer of a COMMIT that is lost), and stop the world at either side of one.
import { connect, createServer, type Socket } from 'node:net';
import { createMessageReader, type Message, rowIn, statementIn } from './postgres-messages.ts';

/**
 * `pass`: as if there were no proxy. `cut`: the statement is done, its answer is thrown away, the connection is reset.
 * `before`: waits for the promise, then passes the statement on, unless whoever sent it has gone by then. `after`: the
 * statement is done, its answer waits; `onDone` gets the rows in it.
 */
export type Ruling =
  | { kind: 'pass' }
  | { kind: 'cut' }
  | { kind: 'before'; until: Promise<void> }
  | { kind: 'after'; until: Promise<void>; onDone(rows: (string | null)[][]): void };

export interface PostgresProxy {
  readonly port: number;
  /** Asked for every statement. */
  rule: (statement: string) => Ruling;
  resetAll(): void;
  stop(): Promise<void>;
}

const pass: Ruling = { kind: 'pass' };

export async function startPostgresProxy(target: { host: string; port: number }): Promise<PostgresProxy> {
  const clients = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    clients.add(client);
    const upstream = connect({ ...target, noDelay: true });
    const reset = () => {
      client.resetAndDestroy();
      upstream.destroy();
    };
    const fromClient = createMessageReader({ beginsWithoutType: true });
    const fromServer = createMessageReader({ beginsWithoutType: false });
    /** Of the statement under way. */
    let ruling: Ruling = pass;
    let answer: Message[] = [];
    /** What a statement that waits keeps back, with everything behind it. */
    let kept: Buffer[] | undefined;

    client.on('data', (chunk: Buffer) => {
      // What belongs together leaves together: a message at a time would be a packet each.
      let together: Buffer[] = [];
      for (const message of fromClient(chunk)) {
        const statement = statementIn(message);
        if (statement !== undefined) {
          ruling = proxy.rule(statement);
          answer = [];
          if (ruling.kind === 'before' && !kept) {
            if (together.length > 0) upstream.write(Buffer.concat(together));
            together = [];
            const waiting: Buffer[] = [];
            kept = waiting;
            void ruling.until.then(() => {
              kept = undefined;
              if (!client.destroyed && upstream.writable) upstream.write(Buffer.concat(waiting));
            });
          }
        }
        (kept ?? together).push(message.bytes);
      }
      if (together.length > 0) upstream.write(Buffer.concat(together));
    });
    upstream.on('data', (chunk: Buffer) => {
      if (ruling.kind === 'pass' || ruling.kind === 'before') {
        // The reader has to see every byte to know where messages begin.
        fromServer(chunk);
        client.write(chunk);
        return;
      }
      // ReadyForQuery ends every answer, and says that the transaction has been written.
      const messages = fromServer(chunk);
      const isDone = messages.some(({ type }) => type === 'Z');
      if (ruling.kind === 'cut') {
        if (isDone) reset();
        return;
      }
      const { onDone, until } = ruling;
      void until.then(() => client.destroyed || client.write(chunk));
      answer.push(...messages);
      if (isDone) onDone(answer.map(rowIn).filter((row) => row !== undefined));
    });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        clients.delete(client);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const resetAll = () => {
    for (const client of clients) client.resetAndDestroy();
  };
  const proxy: PostgresProxy = {
    port: typeof address === 'object' && address ? address.port : 0,
    rule: () => pass,
    resetAll,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        resetAll();
      }),
  };
  return proxy;
}

/** The statements that keep the promises, known by how they begin. */
export const statements = {
  claim: (text: string) => /^\s*with shared as materialized/.test(text),
  settle: (text: string) =>
    /^\s*with changed as \(\s*update deliveries d set state = g\.state, reason = g\.reason/.test(text),
  chunk: (text: string) => /^\s*with moved as \(\s*update requests set cursor/.test(text),
  request: (text: string) => /^\s*with stored as \(\s*insert into requests/.test(text),
} as const;
