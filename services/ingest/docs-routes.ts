// The documentation for callers: /docs (Swagger UI from the installed package, nothing from elsewhere) and /openapi.json.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Hono } from 'hono';
import { createOpenApiDocument } from './openapi.ts';
import type { Env } from './routes.ts';

/** Files of swagger-ui-dist that the page needs. */
const assets: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Posthorn ingest</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="docs"></div>
<noscript>This page needs JavaScript; the same is in <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const startScript = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  validatorUrl: null,
});
`;

// Swagger UI sets style attributes and draws its icons from data: URLs.
const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function createDocsRoutes(): Hono<Env> {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const app = new Hono<Env>();
  app.get('/', (c) => c.redirect('/docs'));
  // Made when it is first asked for: most processes never are.
  let openApiText: string | undefined;
  app.get('/openapi.json', () => {
    openApiText ??= `${JSON.stringify(createOpenApiDocument(), null, 2)}\n`;
    return respond(openApiText, 'application/json');
  });
  app.get('/docs', () =>
    respond(page, 'text/html; charset=utf-8', { 'content-security-policy': contentSecurityPolicy }),
  );
  app.get('/docs/start.js', () => respond(startScript, 'text/javascript; charset=utf-8'));
  for (const [name, type] of Object.entries(assets)) {
    app.get(`/docs/${name}`, async () => respond(await readFile(join(folder, name)), type));
  }
  return app;
}

function respond(body: string | Uint8Array<ArrayBuffer>, type: string, headers: Record<string, string> = {}): Response {
  return new Response(body, { headers: { 'content-type': type, 'x-content-type-options': 'nosniff', ...headers } });
}
