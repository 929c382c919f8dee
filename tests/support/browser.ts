// A real Chromium for the pages (tests/support/browser-server.ts): one for the run, a window of its own for each look.
import { type Browser, type BrowserContext, chromium as playwright } from 'playwright-core';
import { inject } from 'vitest';

/** Closing it closes the windows of this file. */
export async function startBrowser(): Promise<Browser> {
  const answer = await fetch(inject('browserUrl'));
  const text = await answer.text();
  if (!answer.ok) throw new Error(`there is no browser: ${text}`);
  return playwright.connect(text);
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
