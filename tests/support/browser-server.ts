// One Chromium for all test files of a run, in the process of vitest itself: started when the first file asks for it, for
// many runs need none. Files share the program and nothing else: each has windows (contexts) of its own.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import chromium from '@sparticuz/chromium';
import { type BrowserServer, chromium as playwright } from 'playwright-core';

export interface LazyBrowser {
  /** Answers with the address to connect to, or 500 and why there is none. */
  url: string;
  stop(): Promise<void>;
}

export async function offerBrowser(): Promise<LazyBrowser> {
  let launched: Promise<BrowserServer> | undefined;
  const server = createServer((_, response) => {
    launched ??= launchBrowser();
    launched.then(
      (browser) => response.end(browser.wsEndpoint()),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
      const browser = await launched?.catch(() => undefined);
      await browser?.close();
    },
  };
}

/** The machine's own (CHROMIUM_PATH), else the one inside the npm package. */
async function launchBrowser(): Promise<BrowserServer> {
  // Not the package's own arguments: they switch off what keeps sites apart, and put all windows into one process.
  return playwright.launchServer({
    executablePath: process.env.CHROMIUM_PATH ?? (await chromium.executablePath()),
    args: ['--no-sandbox', '--disable-gpu'],
    headless: true,
    host: '127.0.0.1',
  });
}
