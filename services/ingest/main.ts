// The ingest process: HTTP requests become records in Kafka.
import { runService } from '../../lib/lifecycle.ts';
import { readIngestConfig } from './config.ts';
import { startIngest } from './service.ts';

await runService('ingest', process.env, (env, context) => startIngest(readIngestConfig(env), context));
