// @ts-check
import { button, element, markCode, setHidden, setText } from '../dom.js';
import { PagedFiles } from '../files/paged-files.js';
import { formatNumberOf } from '../format.js';
import { KeyedList } from '../keyed-list.js';
import { searchFiles } from '../server.js';
import { copyText } from './copy-text.js';

/** @typedef {import('./failures.js').Cause} Cause */
/** @typedef {import('../load/outcome.js').Outcome} Outcome */
/** @typedef {import('../server.js').StoredFile} StoredFile */

/**
 * @typedef {object} CauseDeps
 * @property {string} bucket
 * @property {Outcome} outcome
 * @property {(pressed: HTMLButtonElement, which: object) => Promise<void>} retry
 */

/** Most keys that are copied with a cause, the REST interface's largest page. */
const MOST_COPIED = 1_000;

/** The failed files that have one cause: an example, what to do, and the files themselves when asked for. */
export class FailureCause {
  #deps;
  #cause;
  #count = element('strong');
  #example = element('span', { class: 'file-name' });
  #line = element('span');
  #message = element('p', { class: 'message' });
  #list = element('ul', { class: 'rows failed-files' });
  /** @type {KeyedList<StoredFile>} */
  #rows;
  #files;
  #summary = element('summary');
  #details;

  node;

  /** @param {CauseDeps} deps @param {Cause} cause */
  constructor(deps, cause) {
    this.#deps = deps;
    this.#cause = cause;
    const { code = 'no code', source = '', advice } = cause;
    this.#rows = new KeyedList(
      this.#list,
      ({ id }) => id,
      (file) => failedRow(file, deps),
    );
    this.#files = new PagedFiles(`the files with ${code}`, (files) => this.#rows.show(files));
    this.#details = element('details', { class: 'cause-files' }, this.#summary, this.#list, this.#files.foot);
    this.#details.addEventListener('toggle', () => {
      if (this.#details.open) void this.#files.ask({ filters: this.#filters(), sort: 'file' });
    });
    const retry = button('Retry', 'small', () =>
      deps.retry(retry, cause.code === undefined ? {} : { codes: [cause.code] }),
    );
    const copy = button('Copy', 'small', () => deps.outcome.act(copy, () => this.#copy()));
    retry.setAttribute('aria-label', `Retry the files with ${code}`);
    copy.setAttribute('aria-label', `Copy the failure ${code} and its files`);
    // Without a code they are not to be told from those of other causes.
    retry.hidden = cause.code === undefined;
    this.node = element(
      'li',
      { class: 'cause' },
      element(
        'div',
        { class: 'cause-head' },
        element('code', { class: 'code', title: `from ${source}` }, code),
        this.#count,
        element('span', { class: 'cause-actions' }, retry, copy),
      ),
      element('p', { class: 'cause-example' }, 'for example ', this.#example, this.#line),
      this.#message,
      ...(advice === undefined
        ? []
        : [element('p', { class: 'cause-advice' }, element('b', {}, 'What to do: '), ...markCode(advice))]),
      this.#details,
    );
  }

  /** @param {Cause} cause */
  update(cause) {
    const { files, example } = cause;
    const changed = files !== this.#cause.files;
    this.#cause = cause;
    setText(this.#count, formatNumberOf(files, 'file'));
    setText(this.#example, example.file);
    const line = lineOf(example.message);
    setText(this.#line, line === undefined ? '' : `, line ${line}`);
    setText(this.#message, example.message);
    setText(this.#summary, `Show ${files === 1 ? 'the file' : `the ${formatNumberOf(files, 'file')}`}`);
    setHidden(this.#details, false);
    if (changed && this.#details.open) this.#files.refresh();
  }

  #filters() {
    const { code, source } = this.#cause;
    return {
      bucket: this.#deps.bucket,
      status: 'error',
      ...(code === undefined ? {} : { 'error.code': code }),
      ...(source === undefined ? {} : { 'error.source': source }),
    };
  }

  async #copy() {
    const { code = 'no code', source = 'unknown', files, advice } = this.#cause;
    const found = await searchFiles(this.#filters(), { count: MOST_COPIED, page: 1, sort: 'file' });
    const more = files - found.files.length;
    const lines = [
      `${code} (${source}): ${formatNumberOf(files, 'file')} of ${this.#deps.bucket}`,
      ...(advice === undefined ? [] : [`What to do: ${advice}`]),
      ...found.files.map(({ file = '', message = '' }) => `${file}: ${message}`),
      ...(more > 0 ? [`and ${formatNumberOf(more, 'more file')}`] : []),
    ];
    await copyText(lines.join('\n'));
    return { message: `Copied ${code} with ${formatNumberOf(found.files.length, 'file')}.` };
  }
}

/** @param {StoredFile} first @param {CauseDeps} deps */
function failedRow({ file: key = '' }, { retry }) {
  const name = element('span', { class: 'file-name' }, key);
  const message = element('p', { class: 'message' });
  const again = button('Retry', 'small', () => retry(again, { files: [key] }));
  again.setAttribute('aria-label', `Retry ${key}`);
  return {
    node: element('li', { class: 'failed-file' }, name, again, message),
    /** @param {StoredFile} stored */
    update({ message: text = '' }) {
      setText(message, text);
    },
  };
}

/** The line that a failure's message names. @param {string} message */
function lineOf(message) {
  return /\bline (\d+)\b/.exec(message)?.[1];
}
