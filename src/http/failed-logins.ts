import { isIPv6 } from 'node:net';

/** Wrong credentials that an address may send at once, and how long it then waits for each further attempt, in ms. */
const BURST = 20;
const WAIT_MS = 1_000;

/** Addresses remembered; one that is forgotten begins anew. */
const MOST_ADDRESSES = 10_000;

interface Attempts {
  /** Wrong ones that count still. */
  failed: number;
  /** When that was, in ms of `performance.now()`. */
  at: number;
}

/** Slows down who guesses credentials: 20 wrong ones at once, then one a second, for each address. */
export class FailedLogins {
  readonly #addresses = new Map<string, Attempts>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Time until the next attempt is looked at, in ms; 0 is now. */
  waitMs(address: string): number {
    const failed = this.#failedOf(networkOf(address));
    return Math.max(0, Math.ceil((failed + 1 - BURST) * WAIT_MS));
  }

  /** Counts an attempt with wrong credentials. */
  add(address: string): void {
    const network = networkOf(address);
    const failed = this.#failedOf(network) + 1;
    // Re-inserting keeps the map in order of the last attempt.
    this.#addresses.delete(network);
    this.#addresses.set(network, { failed, at: this.#now() });
    const [oldest] = this.#addresses.keys();
    if (this.#addresses.size > MOST_ADDRESSES && oldest !== undefined) this.#addresses.delete(oldest);
  }

  #failedOf(network: string): number {
    const { failed, at } = this.#addresses.get(network) ?? { failed: 0, at: 0 };
    return Math.max(0, failed - (this.#now() - at) / WAIT_MS);
  }
}

/** A host has a whole /64 of IPv6 addresses at its disposal. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address;
  const [head = '', tail = ''] = address.split('::');
  const before = head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = address.includes('::') ? Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0') : [];
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
}
