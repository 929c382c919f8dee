// The dispatcher process: what is rendered is sent once, and the ledger says how it ended.
import { runService } from '../../lib/lifecycle.ts';
import { readDispatcherConfig } from './config.ts';
import { startDispatcher } from './service.ts';

await runService('dispatcher', process.env, (env, context) => startDispatcher(readDispatcherConfig(env), context));
