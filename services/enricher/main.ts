// The enricher process: people of a chunk get their data.
import { runService } from '../../lib/lifecycle.ts';
import { readEnricherConfig } from './config.ts';
import { startEnricher } from './service.ts';

await runService('enricher', process.env, (env, context) => startEnricher(readEnricherConfig(env), context));
