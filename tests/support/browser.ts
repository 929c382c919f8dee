// A real Chromium for the pages: the machine's own (CHROMIUM_PATH), else the one inside the npm package.
import chromium from '@sparticuz/chromium';
import { type Browser, type BrowserContext, chromium as playwright } from 'playwright-core';

export async function startBrowser(): Promise<Browser> {
  // Not the package's own arguments: they switch off what keeps sites apart, and put all windows into one process.
  return playwright.launch({
    executablePath: process.env.CHROMIUM_PATH ?? (await chromium.executablePath()),
    args: ['--no-sandbox', '--disable-gpu'],
    headless: true,
  });
}

export const looks = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 900 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 900 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 } },
} as const;

export type Look = keyof typeof looks;

/** A window of its own, with the cookie of somebody who is logged in. */
export async function openWindow(
  browser: Browser,
  url: string,
  cookie: string,
  look: Look = 'light',
): Promise<BrowserContext> {
  const context = await browser.newContext({
    ...looks[look],
    baseURL: url,
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
  });
  const at = cookie.indexOf('=');
  await context.addCookies([{ name: cookie.slice(0, at), value: cookie.slice(at + 1), url }]);
  return context;
}
