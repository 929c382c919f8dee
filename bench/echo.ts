// What ingest is measured against: hono reads a JSON body and gives it back, and nothing else.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';

const app = new Hono();
app.post('/', async (context) => context.json(await context.req.json()));
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}/` })}\n`),
);
process.stdin.on('end', () => process.exit()).resume();
