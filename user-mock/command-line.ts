// What `node user-mock/main.ts …` does: serve (without arguments), generate, --help. Faults become one sentence and exit code 1.
import { startUserMock } from './app.ts';
import { type CommandContext, GENERATE_OPTIONS, runGenerate } from './generate-command.ts';
import { readSettings, type Settings } from './settings.ts';

const HELP = `user-mock: a user service with a million computed people, and an SMS gateway with an inbox page

  node user-mock/main.ts            serves both until Ctrl-C
  node user-mock/main.ts generate   posts registration events to ingest
${GENERATE_OPTIONS}

Variables of the server (defaults in brackets)
  USER_MOCK_PORT (8002), BIND_HOST (127.0.0.1)
  USER_SERVICE_TOKEN, SMS_GATEWAY_TOKEN   bearer tokens to ask for (none)
  USER_MOCK_DELAY_MS (0)                  wait before every answer
  USER_MOCK_ERROR_RATE, USER_MOCK_GARBAGE_RATE, USER_MOCK_HANG_RATE, USER_MOCK_BUSY_RATE
                                          shares of requests, 0 to 1, that go wrong (0)
  USER_MOCK_ROUTES (all)                  what goes wrong: all, users, sms
The same knobs can be turned while it runs: GET and PUT /knobs.`;

/** @returns the exit code */
export async function runCommandLine(args: string[], context: CommandContext): Promise<number> {
  const [command, ...rest] = args;
  try {
    if (args.includes('--help') || args.includes('-h') || command === 'help') {
      context.print(HELP);
      return 0;
    }
    if (command === 'generate') return await runGenerate(rest, context);
    if (command === undefined) return await serve(readSettings(context.env), context);
    context.print(`user-mock: there is no command ${JSON.stringify(command)}; --help lists them`);
  } catch (error) {
    context.print(`user-mock: ${error instanceof Error ? error.message : String(error)}`);
  }
  return 1;
}

async function serve(settings: Settings, { signal, print }: CommandContext): Promise<number> {
  const mock = await startUserMock(settings).catch((error: unknown) => {
    throw new Error(describeListenFault(error, settings), { cause: error });
  });
  print(`user-mock: a million people at ${mock.url}, SMS inbox at ${mock.url}/sms`);
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  await mock.stop();
  return 0;
}

function describeListenFault(error: unknown, { host, port }: Settings): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is taken; stop what uses it or set USER_MOCK_PORT to another port`;
    case 'EACCES':
      return `port ${port} may not be opened by this user; set USER_MOCK_PORT to one above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `BIND_HOST ${JSON.stringify(host)} is no address of this machine`;
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
