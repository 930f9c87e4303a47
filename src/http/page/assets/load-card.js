// @ts-check
import { cancelLoad, retryFailedFiles } from './actions.js';
import { element, setHidden, setProgress, setText } from './dom.js';
import { FailedFiles, FilesInWork, MissingIndexes } from './file-lists.js';
import { formatBytes, formatCompact, formatCount, formatNumberOf, formatShare } from './format.js';
import { advice, stateOf, timeLeft } from './load-words.js';
import { RateChart } from './rate-chart.js';
import { RateHistory } from './rate-history.js';
import { Section } from './section.js';
import { TypeTable } from './type-table.js';

/** @typedef {import('../load-view.ts').LoadView} LoadView */
/** @typedef {import('../load-view.ts').RateSample} RateSample */

/** Names of the figures, in the order shown. */
const FIGURES = /** @type {const} */ ([
  'Resources',
  'Resources/s',
  'Bytes/s',
  'Files done',
  'Files failed',
  'Lines left out',
  'Replicas at work',
]);

/** Those that say nothing once a load has finished. @type {readonly string[]} */
const LIVE_FIGURES = ['Resources/s', 'Bytes/s', 'Replicas at work'];

/** One load: what is known of it, and what can be done about it. Made once, then only changed. */
export class LoadCard {
  /** @type {LoadView | undefined} */
  #load;
  #title = element('h3', { tabindex: '-1' });
  #badge = element('span', { class: 'badge' });
  #retry = element('button', { type: 'button' }, 'Retry failed files');
  #cancel = element('button', { type: 'button', class: 'danger' }, 'Cancel load');
  #outcome = element('p', { class: 'outcome', role: 'status' });
  #advice = element('p', { class: 'advice' });
  #percent = element('span', { class: 'percent' });
  #bytes = element('span');
  #eta = element('span', { class: 'eta' });
  #bar = element('progress', { class: 'bar' });
  #figures = new Map(FIGURES.map((name) => [name, element('dd')]));
  #history = new RateHistory();
  #resourceChart = new RateChart('Resources per second', (value) => formatCompact(value));
  #byteChart = new RateChart('Bytes per second', (value) => formatBytes(value));
  #charts = element('div', { class: 'charts' }, this.#resourceChart.node, this.#byteChart.node);
  #inWork = new FilesInWork();
  #failed = new FailedFiles();
  #indexes = new MissingIndexes();
  #types;
  #sections;

  /** @param {string} bucket */
  constructor(bucket) {
    this.#types = new TypeTable(bucket);
    this.#sections = {
      inWork: new Section(this.#inWork.node, true),
      failed: new Section(this.#failed.node, true),
      indexes: new Section(this.#indexes.node, true),
      types: new Section(this.#types.node, false),
    };
    setText(this.#title, bucket);
    this.#title.id = `load-${bucket.replaceAll(/[^\w.-]/g, '-')}`;
    this.#bar.setAttribute('aria-label', `Bytes loaded of ${bucket}`);
    this.#retry.addEventListener('click', () => this.#act(this.#retry, () => retryFailedFiles(bucket)));
    this.#cancel.addEventListener('click', () => this.#act(this.#cancel, () => cancelLoad(bucket)));
    const figures = [...this.#figures].map(([name, value]) =>
      element('div', { class: LIVE_FIGURES.includes(name) ? 'live-figure' : '' }, element('dt', {}, name), value),
    );
    this.node = element(
      'article',
      { class: 'load', 'aria-labelledby': this.#title.id },
      element('div', { class: 'load-head' }, this.#title, this.#badge),
      element('p', { class: 'progress-text' }, this.#percent, this.#bytes, this.#eta),
      this.#bar,
      element('dl', { class: 'figures' }, ...figures),
      this.#advice,
      element('div', { class: 'actions' }, this.#retry, this.#cancel, this.#outcome),
      this.#charts,
      ...Object.values(this.#sections).map(({ node }) => node),
    );
  }

  /** Whether somebody works on the load, or has to do something about it. */
  get needsAttention() {
    const state = this.#load === undefined ? 'in-progress' : stateOf(this.#load).name;
    return state !== 'completed';
  }

  /**
   * @param {LoadView & { history?: RateSample[] }} load
   * @returns {string[]} what is worth reading out
   */
  update(load) {
    const before = this.#load;
    this.#load = load;
    if (load.history !== undefined) this.#history.begin(load.history);
    this.#showHead(load);
    this.#showLists(load);
    // What came of an action says less than a load that has begun since.
    if (before !== undefined && before.state !== load.state && load.state !== 'interrupted')
      this.#showOutcome('', true);
    return before === undefined ? [] : newsOf(before, load);
  }

  /** Time has passed, whether or not anything changed. @param {number} at */
  tick(at) {
    const load = this.#load;
    if (load === undefined) return;
    if (load.state === 'in-progress') this.#history.add(at, load.rate);
    setText(this.#eta, timeLeft(load, at));
    const samples = this.#history.samples;
    setHidden(this.#charts, samples.length < 2);
    this.#resourceChart.show(samples.map(([time, , value]) => ({ at: time, value })));
    this.#byteChart.show(samples.map(([time, value]) => ({ at: time, value })));
  }

  /** @param {LoadView} load */
  #showHead(load) {
    const { bytes, progress, rate, 'lines-left-out': linesLeftOut = 0 } = load;
    const { name, text } = stateOf(load);
    const failed = progress['error'] ?? 0;
    const running = load.state === 'in-progress';
    this.node.dataset['state'] = name;
    setText(this.#badge, text);
    setText(this.#percent, formatShare(bytes.done, bytes.total));
    setText(this.#bytes, `${formatBytes(bytes.done)} of ${formatBytes(bytes.total)}`);
    setProgress(this.#bar, bytes.done, bytes.total);
    const values = {
      Resources: formatCount(load.resources.loaded),
      'Resources/s': running ? formatCount(rate['resources-per-second']) : '–',
      'Bytes/s': running ? formatBytes(rate['bytes-per-second']) : '–',
      'Files done': `${formatCount(progress['done'] ?? 0)} of ${formatCount(progress.total)}`,
      'Files failed': formatCount(failed),
      'Lines left out': formatCount(linesLeftOut),
      'Replicas at work': running ? formatCount(load.replicas) : '–',
    };
    for (const figure of FIGURES) setText(this.#figures.get(figure) ?? this.#title, values[figure]);
    this.#figures.get('Files failed')?.classList.toggle('bad', failed > 0);
    this.#figures.get('Lines left out')?.classList.toggle('warn', linesLeftOut > 0);
    setText(this.#advice, advice(load));
    setHidden(this.#retry, failed === 0, this.#title);
    setHidden(this.#cancel, !running, this.#title);
  }

  /** @param {LoadView} load */
  #showLists({ state, progress, files, errors, indexes, types }) {
    const failed = progress['error'] ?? 0;
    this.#inWork.show(files);
    this.#failed.show(errors, failed);
    this.#indexes.show(indexes);
    this.#types.show(types);
    const coming = files.length === 0 && state === 'in-progress' ? 'coming back' : 'dropped for the load';
    this.#sections.inWork.show(`${formatNumberOf(files.length, 'file')} in progress`, state === 'in-progress');
    this.#sections.failed.show(formatNumberOf(failed, 'failed file'), failed > 0);
    const indexState = state === 'interrupted' ? 'not back' : coming;
    this.#sections.indexes.show(
      `${formatCount(indexes.length)} ${indexes.length === 1 ? 'index' : 'indexes'} ${indexState}`,
      indexes.length > 0,
    );
    this.#sections.types.show(formatNumberOf(types.length, 'resource type'), types.length > 0);
  }

  /**
   * Runs a button's action and shows its outcome, in the server's words.
   * @param {HTMLButtonElement} button
   * @param {() => Promise<{ message: string } | undefined>} action
   */
  async #act(button, action) {
    if (button.getAttribute('aria-disabled') === 'true') return;
    button.setAttribute('aria-disabled', 'true');
    try {
      const done = await action();
      if (done !== undefined) this.#showOutcome(done.message, true);
    } catch (error) {
      const reason =
        error instanceof TypeError ? 'the server does not answer' : String(/** @type {Error} */ (error).message);
      this.#showOutcome(`Not done: ${reason}`, false);
    } finally {
      button.removeAttribute('aria-disabled');
    }
  }

  /** @param {string} text @param {boolean} good */
  #showOutcome(text, good) {
    this.#outcome.classList.toggle('bad', !good);
    setText(this.#outcome, text);
  }
}

/**
 * What has changed that somebody who does not see the page should hear: states, failures, quarters of the way.
 * @param {LoadView} before
 * @param {LoadView} load
 */
function newsOf(before, load) {
  const { bucket, bytes, progress } = load;
  const news = [];
  if (stateOf(before).text !== stateOf(load).text) news.push(`${bucket}: ${stateOf(load).text}.`);
  const failed = (progress['error'] ?? 0) - (before.progress['error'] ?? 0);
  if (failed > 0) news.push(`${bucket}: ${formatNumberOf(failed, 'file')} failed.`);
  const quarter = (/** @type {LoadView['bytes']} */ { done, total }) =>
    total > 0 ? Math.floor((done / total) * 4) : 0;
  if (quarter(bytes) > quarter(before.bytes) && quarter(bytes) < 4) news.push(`${bucket}: ${quarter(bytes) * 25} %.`);
  return news;
}
