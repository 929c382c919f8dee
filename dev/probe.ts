// Small questions over the network by which the launcher knows that something is there.
import { connect } from 'node:net';

/** True when the URL answers with a status below 500 within `withinMs`. */
export async function answersHttp(url: string, withinMs = 2_000): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(withinMs), redirect: 'manual' });
  await response.body?.cancel();
  return response.status < 500;
}

/** True when `ask` (may be empty) was sent and at least one byte came back within `withinMs`. */
export function answersTcp(port: number, ask: Uint8Array, withinMs = 2_000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(withinMs, () => end(false));
    socket.once('error', () => end(false));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => ask.length > 0 && socket.write(ask));
    socket.once('data', () => end(true));
  });
}
