// @ts-check
import { button, element, setText } from '../dom.js';
import { formatNumberOf } from '../format.js';
import { KeyedList } from '../keyed-list.js';
import { failedOf } from '../load-words.js';
import { call } from '../server.js';
import { FailureCause } from './failure-cause.js';

/** @typedef {import('../../load-view.ts').LoadView} LoadView */
/** @typedef {LoadView['failures'][number]} Cause */
/** @typedef {import('../load/outcome.js').Outcome} Outcome */

/** The failed files of a load, by cause. */
export class Failures {
  #list = element('ul', { class: 'causes' });
  #retry;
  /** @type {KeyedList<Cause>} */
  #causes;

  node;

  /** @param {string} bucket @param {Outcome} outcome */
  constructor(bucket, outcome) {
    const retry = (/** @type {HTMLButtonElement} */ pressed, /** @type {object} */ which) =>
      outcome.act(pressed, () => call('aidbox.bulk/load-from-bucket-retry', { bucket, ...which }));
    this.#retry = button('Retry all', 'primary', () => retry(this.#retry, {}));
    this.#causes = new KeyedList(
      this.#list,
      ({ source, code }) => `${source} ${code}`,
      (cause) => new FailureCause({ bucket, outcome, retry }, cause),
    );
    this.node = element('div', {}, element('div', { class: 'failures-actions' }, this.#retry), this.#list);
  }

  /** @param {LoadView} load */
  show({ failures, progress }) {
    setText(
      this.#retry,
      `Retry ${failedOf(progress) === 1 ? 'the failed file' : `all ${formatNumberOf(failedOf(progress), 'failed file')}`}`,
    );
    this.#causes.show(failures);
  }
}
