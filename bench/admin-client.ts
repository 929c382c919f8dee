// The admin pages as the bench uses them: logged in as the first admin, pressing the buttons that a person presses.
import type { Launched } from '../dev/launch.ts';
import { BenchError } from './bench-error.ts';

export interface AdminClient {
  /** @returns the answer's status and the milliseconds until its last byte */
  get(path: string): Promise<{ status: number; durationMs: number; text: string }>;
  /** Posts a form of ours. @throws BenchError when the answer is neither a page nor the way to one */
  post(path: string, fields?: Readonly<Record<string, string>>): Promise<Response>;
  /** Keeps a stream of a live page open. @returns what closes it, and says how many events came */
  watch(path: string): () => number;
}

export async function logIn({ ports, adminPassword }: Launched): Promise<AdminClient> {
  const url = `http://127.0.0.1:${ports.admin}`;
  const answer = await fetch(`${url}/login`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ name: 'admin', password: adminPassword }),
  });
  const cookie = /posthorn_session=[^;]+/.exec(answer.headers.get('set-cookie') ?? '')?.[0];
  if (!cookie) throw new BenchError(`the admin pages refused the log-in: ${answer.status}`);
  const headers = { cookie };
  const account = await (await fetch(`${url}/account`, { headers })).text();
  const token = /name="csrf-token" content="([^"]+)"/.exec(account)?.[1] ?? '';
  return {
    async get(path) {
      const startedAtMs = performance.now();
      const response = await fetch(`${url}${path}`, { headers, redirect: 'manual' });
      const text = await response.text();
      return { status: response.status, durationMs: performance.now() - startedAtMs, text };
    },
    async post(path, fields = {}) {
      const body = new URLSearchParams({ _csrf: token, ...fields });
      const response = await fetch(`${url}${path}`, { method: 'POST', headers, body, redirect: 'manual' });
      if (response.status >= 400) throw new BenchError(`${path} answered ${response.status}: ${await response.text()}`);
      return response;
    },
    watch(path) {
      const ending = new AbortController();
      let eventCount = 0;
      const reading = async () => {
        const response = await fetch(`${url}${path}`, { headers, signal: ending.signal });
        const decoder = new TextDecoder();
        for await (const chunk of response.body ?? []) {
          eventCount += decoder.decode(chunk, { stream: true }).split('\n\n').length - 1;
        }
      };
      reading().catch(() => {});
      return () => {
        ending.abort();
        return eventCount;
      };
    },
  };
}
