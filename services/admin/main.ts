// The admin process: the pages for content managers, support and operators.
import { runService } from '../../lib/lifecycle.ts';
import { readAdminConfig } from './config.ts';
import { startAdmin } from './service.ts';

await runService('admin', process.env, (env, context) => startAdmin(readAdminConfig(env), context));
