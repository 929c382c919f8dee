// The stand-in for the user service, with an SMS gateway beside it: user-mock/main.ts as a process of its own.
import { fileURLToPath } from 'node:url';
import { createPart, type PartContext, type Running } from './part.ts';
import { answersHttp } from './probe.ts';

export interface UserMockOptions {
  port: number;
  /** Its knobs (delay, error rate, …), by the names of its own variables. */
  env?: Readonly<Record<string, string | undefined>>;
}

const root = fileURLToPath(new URL('..', import.meta.url));

export async function startUserMock(
  { port, env }: UserMockOptions,
  context: PartContext,
): Promise<Running<{ userServiceUrl: string; smsGatewayUrl: string }>> {
  const userServiceUrl = `http://127.0.0.1:${port}`;
  const part = createPart(
    {
      name: 'user-mock',
      title: 'The user-mock',
      command: () => ({
        command: process.execPath,
        args: ['user-mock/main.ts'],
        cwd: root,
        env: { ...env, BIND_HOST: '127.0.0.1', USER_MOCK_PORT: String(port) },
      }),
      isReady: () => answersHttp(`${userServiceUrl}/healthz`),
      stopSignal: 'SIGTERM',
      stopWithinMs: 3_000,
    },
    context,
  );
  await part.start();
  return { ...part, userServiceUrl, smsGatewayUrl: `${userServiceUrl}/sms` };
}
