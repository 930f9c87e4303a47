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
  #canLoad = false;
  /** @type {KeyedList<Cause>} */
  #causes;

  node;

  /** @param {string} bucket @param {Outcome} outcome @param {() => Promise<{ message: string }>} loadAgain */
  constructor(bucket, outcome, loadAgain) {
    const retry = (/** @type {HTMLButtonElement} */ pressed, /** @type {object} */ which) =>
      outcome.act(pressed, async () => {
        const queued = await call('aidbox.bulk/load-from-bucket-retry', { bucket, ...which });
        return this.#canLoad ? await loadAgain() : queued;
      });
    this.#retry = button('Retry all', 'primary', () => retry(this.#retry, {}));
    this.#causes = new KeyedList(
      this.#list,
      ({ source, code }) => `${source} ${code}`,
      (cause) => new FailureCause({ bucket, outcome, retry }, cause),
    );
    this.node = element('div', {}, element('div', { class: 'failures-actions' }, this.#retry), this.#list);
  }

  /** @param {LoadView} load @param {boolean} canLoad whether the files that are queued again can be loaded in the same step */
  show({ failures, progress }, canLoad) {
    this.#canLoad = canLoad;
    const failed = failedOf(progress);
    const files = failed === 1 ? 'the failed file' : `all ${formatNumberOf(failed, 'failed file')}`;
    setText(this.#retry, canLoad ? `Retry ${files} and load` : `Retry ${files}`);
    this.#causes.show(failures);
  }
}
