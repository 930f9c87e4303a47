import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { patients } from '../../support/ndjson.ts';
import { waitFor } from '../../support/wait-for.ts';
import { Chromium, skipWithoutChromium } from './chromium.ts';

/** For tests in a browser: its start and a load each, beside other tests. */
export const PAGE_TEST = { skip: skipWithoutChromium, timeout: 600_000 };

const TIMEOUT_MS = 240_000;

/** The browser of a test file, started once; where there is none its tests are skipped. */
export function browserOfFile(): Chromium['open'] {
  const chromium = skipWithoutChromium === false ? new Chromium({ after }) : undefined;
  return async (...args) => {
    if (chromium === undefined) throw new Error('no Chromium');
    return await chromium.open(...args);
  };
}

/** Patients whose bytes gzip cannot make few of. */
export function largePatients(count: number, prefix: string): object[] {
  return patients(count, prefix).map((patient) => ({ ...patient, text: randomBytes(1500).toString('base64') }));
}

/** What is to be read there; what is hidden is not. */
export async function textOf(locator: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: Playwright's own method, and textContent would include what is hidden
  return await locator.innerText();
}

/** Waits until the text is to be read there, and returns all that is. */
export async function untilText(locator: Locator, text: RegExp): Promise<string> {
  return await waitFor(
    async () => {
      const shown = (await locator.count()) === 1 ? await textOf(locator) : '';
      return text.test(shown) && shown;
    },
    { timeoutMs: TIMEOUT_MS, what: `${text} in ${locator}` },
  );
}

/** The line of a load in the list. */
export function rowOf(page: Page, bucket: string): Locator {
  return page.getByRole('row').filter({ has: page.getByRole('link', { name: `s3://${bucket}`, exact: true }) });
}

/** The address of a load's page. */
export function addressOf(server: { url: string }, bucket: string): string {
  return `${server.url}/#/load/${encodeURIComponent(`s3://${bucket}`)}`;
}

/** The load that is open. */
export function loadOf(page: Page, bucket: string): Locator {
  return page.getByRole('article', { name: `s3://${bucket}` });
}

/** Waits until the load that is open is in this state; its earlier runs have states too. */
export async function untilState(load: Locator, state: RegExp): Promise<string> {
  await untilText(load.locator('.load-head .state'), state);
  return await textOf(load);
}

/** What has the focus: its name for people. */
export async function focused(page: Page): Promise<string> {
  return await page.evaluate(
    `(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()`,
  );
}

/** Presses Tab until this has the focus, as a reader without a mouse does. */
export async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const isThere = (text: string) => (typeof name === 'string' ? text === name : name.test(text));
  const passed: string[] = [];
  for (let presses = 0; presses < 60; presses++) {
    if (isThere(await focused(page))) return;
    await page.keyboard.press('Tab');
    passed.push(await focused(page));
  }
  throw new Error(`Tab never came to ${name}, but to ${passed.join(', ')}`);
}
