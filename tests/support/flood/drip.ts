// A caller who sends a byte a second: a whole call would take hours.
import { connect } from 'node:net';

/** @returns what was answered until the connection was closed, and after how long */
export function drip(port: number, head: string): Promise<{ answer: string; ms: number }> {
  const beganMs = performance.now();
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(head));
    const timer = setInterval(() => socket.write('a'), 1_000);
    let answer = '';
    socket
      .on('data', (piece) => (answer += String(piece)))
      .on('error', () => {})
      .on('close', () => {
        clearInterval(timer);
        resolve({ answer, ms: performance.now() - beganMs });
      });
  });
}
