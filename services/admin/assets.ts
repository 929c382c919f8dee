// The few files a page loads: our stylesheet and scripts, and those of the packages we stand on. Read once, cached by
// browsers for as long as the release is the same.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import type { AdminApp } from './parts.ts';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Files of packages, by the name under which a page asks for them. */
const packaged: Readonly<Record<string, [packageName: string, file: string]>> = {
  'pico.css': ['@picocss/pico', 'css/pico.min.css'],
  'uplot.css': ['uplot', 'dist/uPlot.min.css'],
  'uplot.js': ['uplot', 'dist/uPlot.esm.js'],
  'codemirror.css': ['codemirror', 'lib/codemirror.css'],
  'codemirror.js': ['codemirror', 'lib/codemirror.js'],
  'codemirror-xml.js': ['codemirror', 'mode/xml/xml.js'],
  'codemirror-javascript.js': ['codemirror', 'mode/javascript/javascript.js'],
  'codemirror-css.js': ['codemirror', 'mode/css/css.js'],
  'codemirror-htmlmixed.js': ['codemirror', 'mode/htmlmixed/htmlmixed.js'],
  'codemirror-overlay.js': ['codemirror', 'addon/mode/overlay.js'],
};

export function serveAssets(app: AdminApp): void {
  const require = createRequire(import.meta.url);
  const own = join(import.meta.dirname, 'public');
  const files = new Map(readdirSync(own).map((name) => [name, join(own, name)]));
  for (const [name, [packageName, file]] of Object.entries(packaged)) {
    files.set(name, join(dirname(require.resolve(`${packageName}/package.json`)), file));
  }
  const loaded = new Map<string, { body: Uint8Array<ArrayBuffer>; etag: string }>();
  app.get('/assets/:name', (c) => {
    const name = c.req.param('name');
    const path = files.get(name);
    if (!path) return c.notFound();
    let file = loaded.get(name);
    if (!file) {
      const body = new Uint8Array(readFileSync(path));
      file = { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 20)}"` };
      loaded.set(name, file);
    }
    const headers = { etag: file.etag, 'cache-control': 'no-cache' };
    if (c.req.header('if-none-match') === file.etag) return new Response(null, { status: 304, headers });
    return new Response(file.body, {
      headers: { ...headers, 'content-type': types[extname(name)] ?? 'application/octet-stream' },
    });
  });
}
