import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { Closing } from '../../support/last-first.ts';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser'];
const executablePath = PLACES.find((path) => existsSync(path));

/** Why tests in a browser are left out, or false. */
export const skipWithoutChromium: string | false =
  executablePath === undefined && `no Chromium at ${PLACES.join(' or ')}; apt-get install chromium`;

/** A page as its reader sees it, and what it did behind the reader's back. */
export interface OpenPage {
  page: Page;
  /** Errors and warnings on the console, and exceptions. */
  complaints: string[];
  /** Hosts that were asked for anything. */
  hosts: Set<string>;
}

/** Debian's Chromium without a window, started once and closed after the tests of a file. */
export class Chromium {
  readonly #browser: Promise<Browser>;

  constructor(t: Closing) {
    // A browser's own errands would count as requests to outside hosts.
    const args =
      '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking ' +
      '--disable-component-update --disable-sync';
    this.#browser = chromium.launch({ executablePath: executablePath ?? '', args: args.split(' ') });
    t.after(async () => await (await this.#browser).close());
  }

  /** Opens an address in a fresh context, which is closed after `t`. */
  async open(t: Closing, url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
    const context = await (await this.#browser).newContext({ viewport: { width: 1100, height: 900 }, ...options });
    t.after(async () => await context.close());
    const page = await context.newPage();
    const complaints: string[] = [];
    const hosts = new Set<string>();
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    await page.goto(url);
    return { page, complaints, hosts };
  }
}
