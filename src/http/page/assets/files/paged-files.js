// @ts-check
import { element, setText } from '../dom.js';
import { reasonOf, searchFiles } from '../server.js';
import { Pager } from './pager.js';

/** @typedef {import('../server.js').StoredFile} StoredFile */
/** @typedef {{ filters: Record<string, string>, sort: string }} FileQuery */

/** Files of a page: the browser holds no more rows than these, however many files a load has. */
const COUNT = 50;

/** How often a list that is shown is read again, in ms, while its load goes on. */
const AGAIN_MS = 3_000;

/** A list of files that is read page by page. */
export class PagedFiles {
  #onFiles;
  #failure = element('p', { class: 'bad', role: 'status' });
  #pager;
  /** @type {FileQuery} */
  #query = { filters: {}, sort: 'file' };
  #page = 1;
  #asked = 0;
  #readAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  foot;

  /** @param {string} what the list, for those who do not see it @param {(files: readonly StoredFile[]) => void} onFiles */
  constructor(what, onFiles) {
    this.#onFiles = onFiles;
    this.#pager = new Pager(what, (page) => {
      this.#page = page;
      void this.#read();
    });
    this.foot = element('div', { class: 'paged-foot' }, this.#pager.node, this.#failure);
  }

  /** Reads the first page of what is asked for. @param {FileQuery} query */
  ask(query) {
    this.#query = query;
    this.#page = 1;
    return this.#read();
  }

  /** Reads the page again, not at once when it was read a moment ago. */
  refresh() {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#read(), Math.max(0, this.#readAt + AGAIN_MS - Date.now()));
  }

  async #read() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const asked = ++this.#asked;
    try {
      const { filters, sort } = this.#query;
      const { total, files } = await searchFiles(filters, { count: COUNT, page: this.#page, sort });
      // The reader has asked for something else meanwhile.
      if (asked !== this.#asked) return;
      if (files.length === 0 && this.#page > 1) {
        this.#page = Math.max(1, Math.ceil(total / COUNT));
        await this.#read();
        return;
      }
      this.#onFiles(files);
      this.#pager.show({ page: this.#page, count: COUNT, total });
      setText(this.#failure, '');
    } catch (error) {
      if (asked === this.#asked) setText(this.#failure, `The files could not be read: ${reasonOf(error)}`);
    } finally {
      this.#readAt = Date.now();
    }
  }
}
