// @ts-check
import { button, element, setHidden, setText } from '../dom.js';
import { KeyedList } from '../keyed-list.js';
import { reasonOf } from '../server.js';
import { RunRow } from './run-row.js';
import { readRuns } from './runs.js';

/** @typedef {import('./runs.js').RunReport} RunReport */

/** The runs of a bucket, the latest first. */
export class RunList {
  #bucket;
  #list = element('ul', { class: 'runs' });
  /** @type {KeyedList<RunReport>} */
  #rows = new KeyedList(
    this.#list,
    ({ run }) => String(run),
    (run) => new RunRow(run),
  );
  #failure = element('p', { class: 'bad', role: 'status' });
  #more = button('Show earlier runs', 'small', () => this.#readMore());
  /** By number. @type {Map<number, RunReport>} */
  #runs = new Map();
  #hasEarlier = false;

  node = element('div', {}, this.#list, this.#more, this.#failure);

  /** @param {string} bucket */
  constructor(bucket) {
    this.#bucket = bucket;
    this.#more.hidden = true;
  }

  /** Reads the latest runs; those that were read before stay. @returns {Promise<RunReport | undefined>} the latest one */
  async read() {
    await this.#show(undefined);
    return this.#known()[0];
  }

  async #readMore() {
    await this.#show(this.#known().at(-1)?.run);
  }

  #known() {
    return [...this.#runs.values()].toSorted((a, b) => b.run - a.run);
  }

  /** @param {number | undefined} before */
  async #show(before) {
    try {
      const { runs, 'next-before': next } = await readRuns(this.#bucket, before);
      for (const run of runs) this.#runs.set(run.run, run);
      const known = this.#known();
      // Only the page with the earliest run says whether there are more.
      if (runs.at(-1)?.run === known.at(-1)?.run) this.#hasEarlier = next !== undefined;
      setHidden(this.#more, !this.#hasEarlier);
      this.#rows.show(known);
      setText(this.#failure, '');
    } catch (error) {
      setText(this.#failure, `The history could not be read: ${reasonOf(error)}`);
    }
  }
}
