// @ts-check
import { element, KeyedList, setProgress, setText } from './dom.js';
import { formatBytes, formatCount, formatShare } from './format.js';

/** @typedef {import('../load-view.ts').LoadView} LoadView */

/** The files that are being loaded now, each with its own progress. */
export class FilesInWork {
  #list = element('ul', { class: 'rows' });
  /** @type {KeyedList<LoadView['files'][number]>} */
  #rows = new KeyedList(this.#list, ({ id }) => id, fileRow);
  #most = 0;

  node = this.#list;

  /** @param {LoadView['files']} files */
  show(files) {
    this.#rows.show(files);
    // Room for as many as there ever were: between two files the list must not shrink and what follows not jump.
    this.#most = Math.max(this.#most, files.length);
    this.#list.style.setProperty('--rows', String(this.#most));
  }
}

function fileRow() {
  const name = element('span', { class: 'file-name' });
  const bar = element('progress');
  const text = element('span', { class: 'file-figures' });
  return {
    node: element('li', { class: 'file' }, name, bar, text),
    /** @param {LoadView['files'][number]} file */
    update({ file, size, bytes, resources }) {
      setText(name, file);
      name.title = file;
      bar.setAttribute('aria-label', `Bytes of ${file}`);
      setProgress(bar, bytes, size);
      const share = `${formatShare(bytes, size)} of ${formatBytes(size)}`;
      setText(text, `${share} · ${formatCount(resources)} resources`);
    },
  };
}

/** The files that failed: code and message of each. */
export class FailedFiles {
  #list = element('ul', { class: 'rows' });
  /** @type {KeyedList<LoadView['errors'][number]>} */
  #rows = new KeyedList(this.#list, ({ id }) => id, failedRow);
  #more = element('p', { class: 'muted' });

  node = element('div', {}, this.#list, this.#more);

  /**
   * @param {LoadView['errors']} errors
   * @param {number} total of which `errors` may be the first ones only
   */
  show(errors, total) {
    this.#rows.show(errors);
    const more = total - errors.length;
    setText(this.#more, more > 0 ? `And ${formatCount(more)} more; GET /LoaderFile?status=error lists them all.` : '');
  }
}

function failedRow() {
  const name = element('span', { class: 'file-name' });
  const code = element('code', { class: 'code' });
  const message = element('p', { class: 'failure' });
  return {
    node: element('li', { class: 'failed' }, element('div', { class: 'failed-head' }, name, code), message),
    /** @param {LoadView['errors'][number]} failed */
    update({ file, message: text, error }) {
      setText(name, file);
      setText(code, [error.source, error.code].filter((part) => part !== undefined).join(' '));
      setText(message, text);
    },
  };
}

/** The indexes that were dropped and are not back yet. */
export class MissingIndexes {
  #list = element('ul', { class: 'rows' });
  /** @type {KeyedList<LoadView['indexes'][number]>} */
  #rows = new KeyedList(this.#list, ({ table, index }) => `${table} ${index}`, indexRow);

  node = this.#list;

  /** @param {LoadView['indexes']} indexes */
  show(indexes) {
    this.#rows.show(indexes);
  }
}

function indexRow() {
  const name = element('span', { class: 'file-name' });
  const table = element('span', { class: 'muted' });
  const message = element('p', { class: 'failure' });
  return {
    node: element('li', {}, name, ' ', table, message),
    /** @param {LoadView['indexes'][number]} missing */
    update({ table: of, index, message: text = '' }) {
      setText(name, index);
      setText(table, `on ${of}`);
      setText(message, text);
    },
  };
}
