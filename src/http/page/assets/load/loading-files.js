// @ts-check
import { element, setAttribute, setText } from '../dom.js';
import { formatBytes, formatCount, formatShare } from '../format.js';
import { formatSpan } from '../format-time.js';
import { KeyedList } from '../keyed-list.js';
import { SplitBar } from '../split-bar.js';

/** @typedef {import('../../load-view.ts').LoadView['files'][number]} LoadingFile */

const STAGES = { starting: 'starting', loading: 'loading', committing: 'committing' };

/** The files in progress: how far each is, at what stage, for how long, and which replica loads it. */
export class LoadingFiles {
  #list = element('ul', { class: 'loading-files' });
  /** @type {KeyedList<{ file: LoadingFile, at: number }>} */
  #rows = new KeyedList(this.#list, ({ file }) => file.id, fileRow);
  #most = 0;
  /** @type {readonly LoadingFile[]} */
  #files = [];

  node = this.#list;

  /** @param {readonly LoadingFile[]} files */
  show(files) {
    this.#files = files;
    // Room for as many as there ever were: between two files the list must not shrink and what follows not jump.
    this.#most = Math.max(this.#most, files.length);
    this.#list.style.setProperty('--rows', String(this.#most));
  }

  /** @param {number} at */
  tick(at) {
    this.#rows.show(this.#files.map((file) => ({ file, at })));
  }
}

function fileRow() {
  const key = element('bdi');
  // Cut at its start: keys of a bucket differ at their ends.
  const name = element('span', { class: 'file-name cut-start' }, key);
  const bar = new SplitBar();
  const share = element('span', { class: 'share' });
  const stage = element('span', { class: 'stage' });
  const resources = element('span', { class: 'resources' });
  const elapsed = element('span', { class: 'elapsed' });
  const replica = element('span', { class: 'replica' });
  const figures = element('span', { class: 'file-figures' }, stage, resources, elapsed, replica);
  return {
    node: element('li', { class: 'loading-file' }, name, bar.node, share, figures),
    /** @param {{ file: LoadingFile, at: number }} item */
    update({ file, at }) {
      setText(key, file.file);
      setAttribute(name, 'title', file.file);
      const amount = `${formatShare(file.bytes, file.size)} of ${formatBytes(file.size)}`;
      bar.show({ total: file.size, loaded: file.bytes, failed: 0 }, `Bytes of ${file.file}`, amount);
      setText(share, amount);
      setText(stage, STAGES[file.stage]);
      setText(resources, `${formatCount(file.resources)} resources`);
      const start = Date.parse(file.start);
      setText(elapsed, Number.isNaN(start) ? '' : formatSpan((at - start) / 1000));
      setText(replica, file.replica === undefined ? '' : `on ${file.replica}`);
      setAttribute(replica, 'title', file.replica ?? '');
    },
  };
}
