// @ts-check
import { button, element, setHidden, setText } from '../dom.js';
import { formatBytes, formatNumberOf, formatShare } from '../format.js';
import { formatMoment } from '../format-time.js';
import { advice, failedOf, stateOf, timeLeft } from '../load-words.js';
import { sharesOf } from '../loads/shares.js';
import { SplitBar } from '../split-bar.js';
import { Figures } from './figures.js';
import { confirmStop, stopLoad } from './stop-load.js';
import { WatchLine } from './watch-line.js';

/** @typedef {import('../../load-view.ts').LoadView} LoadView */
/** @typedef {import('./outcome.js').Outcome} Outcome */
/** @typedef {import('../history/runs.js').RunReport} RunReport */

/** The top of a load's page: its state, its bar and its figures, and the way to stop it. */
export class LoadHead {
  #title = element('h2', { tabindex: '-1' });
  #state = element('span', { class: 'state' });
  #percent = element('span', { class: 'percent' });
  #bytes = element('span');
  #left = element('span', { class: 'eta' });
  #bar = new SplitBar();
  #legend = element('p', { class: 'legend' });
  #figures = new Figures();
  #advice = element('p', { class: 'advice' });
  #watch;
  #stop;
  #again;
  #outcome;
  /** @type {RunReport | undefined} */
  #run;
  /** @type {LoadView | undefined} */
  #load;

  node;

  /** @param {string} bucket @param {Outcome} outcome @param {() => Promise<{ message: string }>} loadAgain */
  constructor(bucket, outcome, loadAgain) {
    setText(this.#title, bucket);
    this.#title.id = 'load-title';
    this.#outcome = outcome;
    this.#watch = new WatchLine(bucket, outcome, this.#title);
    this.#stop = button('Stop load …', 'quiet', async () => {
      if (await confirmStop(bucket)) await outcome.act(this.#stop, () => stopLoad(bucket));
    });
    this.#again = button('Load again', 'primary', () => outcome.act(this.#again, loadAgain));
    this.#again.hidden = true;
    this.#bar.node.classList.add('large');
    this.node = element(
      'div',
      { class: 'card load-head' },
      element('div', { class: 'title-row' }, this.#title, this.#state, this.#again, this.#stop),
      element('p', { class: 'progress-text' }, this.#percent, this.#bytes, this.#left),
      this.#bar.node,
      this.#legend,
      this.#figures.node,
      this.#advice,
      this.#watch.node,
      outcome.node,
    );
  }

  focus() {
    this.#title.focus();
  }

  /** @param {LoadView} load */
  update(load) {
    // What came of an action says less than a load that has begun since.
    const before = this.#load?.state;
    if (before !== undefined && before !== load.state && load.state !== 'interrupted') this.#outcome.show('', true);
    this.#load = load;
    const { bytes, bucket, progress } = load;
    const summary = { ...load, indexes: load.indexes.length };
    const { long } = stateOf(summary);
    const loaded = bytes.done - bytes.failed;
    setText(this.#state, long);
    setText(this.#percent, formatShare(loaded, bytes.total));
    const amount = `${formatBytes(loaded)} of ${formatBytes(bytes.total)} loaded`;
    setText(this.#bytes, amount);
    const shares = sharesOf(summary);
    const legend = legendOf(load, shares.leftOut ?? 0);
    this.#bar.show(shares, `Bytes loaded of ${bucket}`, [amount, ...legend.map(({ text }) => text)].join(', '));
    setHidden(this.#legend, legend.length === 0);
    const keys = legend.map(({ kind, text }) => element('span', { class: `key ${kind}` }, text));
    if (this.#legend.textContent !== legend.map(({ text }) => text).join('')) this.#legend.replaceChildren(...keys);
    setText(this.#advice, advice(summary));
    this.#watch.update(load.watch);
    if (load.state !== 'interrupted') setHidden(this.#again, true, this.#title);
    setHidden(this.#stop, load.state !== 'in-progress' || progress.total === 0, this.#title);
  }

  /** @param {RunReport | undefined} run the last one @param {boolean} canLoad whether the server can go on by itself */
  showRun(run, canLoad) {
    this.#run = run;
    setHidden(this.#again, !canLoad || this.#load?.state !== 'interrupted', this.#title);
  }

  /** Time has passed, whether or not anything changed. @param {number} at */
  tick(at) {
    const load = this.#load;
    if (load === undefined) return;
    const left = timeLeft({ ...load, indexes: load.indexes.length }, at);
    const end = this.#run?.end;
    const when =
      end === undefined
        ? `called ${formatMoment(Date.parse(load['called-at']))}`
        : `ended ${formatMoment(Date.parse(end))}`;
    setText(this.#left, left === '' ? when : left);
    this.#figures.show(load, at, this.#run);
  }
}

/**
 * What the colours of the bar mean, where there are several.
 * @param {LoadView} load
 * @param {number} leftOut
 */
function legendOf({ bytes, progress, 'lines-left-out': linesLeftOut = 0 }, leftOut) {
  const failed = failedOf(progress);
  return [
    ...(failed > 0
      ? [{ kind: 'failed', text: `${formatBytes(bytes.failed)} in ${formatNumberOf(failed, 'failed file')}` }]
      : []),
    ...(leftOut > 0 ? [{ kind: 'left-out', text: `${formatNumberOf(linesLeftOut, 'line')} left out` }] : []),
  ];
}
