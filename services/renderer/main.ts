// The renderer as a process: reads notifications.enriched.*, writes notifications.rendered.*.
import { runService } from '../../lib/lifecycle.ts';
import { readRendererConfig } from './config.ts';
import { startRenderer } from './service.ts';

await runService('renderer', process.env, (env, context) => startRenderer(readRendererConfig(env), context));
