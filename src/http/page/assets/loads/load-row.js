// @ts-check
import { element, setAttribute, setText } from '../dom.js';
import { formatBytes, formatCount, formatNumberOf, formatShare } from '../format.js';
import { formatEstimate, formatMoment, formatWhen } from '../format-time.js';
import { failedOf, stateOf } from '../load-words.js';
import { addressOfLoad } from '../router.js';
import { SplitBar } from '../split-bar.js';
import { sharesOf } from './shares.js';

/** @typedef {import('../../load-view.ts').LoadSummary} LoadSummary */

/** One load in one line. */
export class LoadRow {
  #state = element('span', { class: 'state' });
  #link = element('a', { class: 'bucket' });
  #bar = new SplitBar();
  #percent = element('span', { class: 'percent' });
  #rate = cell('rate');
  #left = cell('left');
  #failed = cell('failed');
  #called = cell('called');

  node = element(
    'tr',
    { role: 'row', class: 'load-row' },
    cell('state-cell', this.#state),
    element('th', { role: 'rowheader', scope: 'row', class: 'bucket-cell' }, this.#link),
    cell('progress', this.#bar.node, this.#percent),
    this.#rate,
    this.#left,
    this.#failed,
    this.#called,
  );

  /** @param {string} bucket */
  constructor(bucket) {
    setText(this.#link, bucket);
    this.#link.title = bucket;
    this.#link.href = addressOfLoad(bucket);
  }

  /** @param {{ load: LoadSummary, now: number }} item */
  update({ load, now }) {
    const { bucket, bytes, progress, rate, 'lines-left-out': linesLeftOut = 0 } = load;
    const { name, text } = stateOf(load);
    const running = load.state === 'in-progress';
    const failed = failedOf(progress);
    const loaded = bytes.done - bytes.failed;
    this.node.dataset['state'] = name;
    setText(this.#state, text);
    const amount = `${formatBytes(loaded)} of ${formatBytes(bytes.total)} loaded`;
    this.#bar.show(sharesOf(load), `Bytes loaded of ${bucket}`, amount);
    setText(this.#percent, formatShare(loaded, bytes.total));
    setText(this.#rate, running ? formatCount(rate['resources-per-second']) : '');
    setAttribute(this.#rate, 'title', running ? `${formatBytes(rate['bytes-per-second'])}/s` : '');
    const seconds = load['eta-seconds'];
    setText(this.#left, running && seconds !== undefined ? formatEstimate(seconds) : '');
    setText(this.#failed, failureText(failed, linesLeftOut));
    setAttribute(this.#failed, 'title', failureTitle(failed, linesLeftOut));
    this.#failed.classList.toggle('bad', failed > 0);
    this.#failed.classList.toggle('warn', failed === 0 && linesLeftOut > 0);
    const called = Date.parse(load['called-at']);
    const { watch } = load;
    setText(this.#called, `${formatWhen(called, now)}${watch === undefined ? '' : ' · watched'}`);
    const next =
      watch === undefined
        ? ''
        : `; listed every ${watch.every}, next at ${formatMoment(Date.parse(watch['next-listing-at']))}`;
    setAttribute(this.#called, 'title', `Called ${formatMoment(called)}${next}`);
    this.#called.classList.toggle('warn', watch?.message !== undefined);
  }
}

/** @param {number} failed @param {number} linesLeftOut */
function failureText(failed, linesLeftOut) {
  if (failed > 0) return formatNumberOf(failed, 'file');
  return linesLeftOut > 0 ? formatNumberOf(linesLeftOut, 'line') : '';
}

/** @param {number} failed @param {number} linesLeftOut */
function failureTitle(failed, linesLeftOut) {
  const parts = [
    ...(failed > 0 ? [`${formatNumberOf(failed, 'file')} failed`] : []),
    ...(linesLeftOut > 0 ? [`${formatNumberOf(linesLeftOut, 'line')} left out`] : []),
  ];
  return parts.join(', ');
}

/** @param {string} name @param {...Node} children */
function cell(name, ...children) {
  return element('td', { role: 'cell', class: name }, ...children);
}
