// @ts-check

import { RateChart } from '../chart/rate-chart.js';
import { RateHistory } from '../chart/rate-history.js';
import { element, setHidden, setText } from '../dom.js';
import { Failures } from '../failures/failures.js';
import { FileBrowser } from '../files/file-browser.js';
import { formatBytes, formatCompact, formatNumberOf } from '../format.js';
import { failedOf, stateOf } from '../load-words.js';
import { LoadHead } from './load-head.js';
import { LoadingFiles } from './loading-files.js';
import { MissingIndexes } from './missing-indexes.js';
import { Outcome } from './outcome.js';
import { Panel } from './panel.js';
import { TypeBars } from './type-bars.js';

/** @typedef {import('../../load-view.ts').LoadView} LoadView */
/** @typedef {import('../../load-view.ts').RateSample} RateSample */

/** One load: what is known of it, and what can be done about it. */
export class LoadPage {
  /** @type {LoadView | undefined} */
  #load;
  #outcome = new Outcome();
  #head;
  #failures;
  #types;
  #files;
  #history = new RateHistory();
  #resourceChart = new RateChart('Resources per second', formatCompact);
  #byteChart = new RateChart('Bytes per second', formatBytes);
  #loading = new LoadingFiles();
  #indexes = new MissingIndexes();
  #missing = element('p', { class: 'notice' });
  #panels;
  #content;

  node;

  /** @param {string} bucket @param {string} list address of the list that the reader comes from */
  constructor(bucket, list) {
    this.bucket = bucket;
    this.#head = new LoadHead(bucket, this.#outcome);
    this.#failures = new Failures(bucket, this.#outcome);
    this.#types = new TypeBars(bucket);
    this.#files = new FileBrowser(bucket);
    const charts = element('div', { class: 'charts' }, this.#resourceChart.node, this.#byteChart.node);
    this.#panels = {
      indexes: new Panel('indexes', [this.#indexes.node], { open: true }),
      failures: new Panel('failures', [this.#failures.node], { open: true }),
      loading: new Panel('loading', [this.#loading.node], { open: true }),
      charts: new Panel('rates', [charts], { open: true }),
      types: new Panel('types', [this.#types.node], { open: true }),
      files: new Panel('files', [this.#files.node], { open: false }),
    };
    this.#panels.files.onToggle(() => this.#files.watch(this.#panels.files.isOpen));
    const panels = Object.values(this.#panels).map((panel) => panel.node);
    this.#content = element('article', { 'aria-labelledby': 'load-title' }, this.#head.node, ...panels);
    this.#missing.hidden = true;
    this.#content.hidden = true;
    const back = element('a', { href: list, class: 'back' }, 'All loads');
    this.node = element(
      'section',
      { class: 'load-page' },
      element('nav', { 'aria-label': 'Loads' }, back),
      this.#missing,
      this.#content,
    );
  }

  focus() {
    this.#head.focus();
  }

  /** Nobody ever called for this bucket. */
  miss() {
    setText(this.#missing, `${this.bucket} was never loaded. Start with aidbox.bulk/load-from-bucket.`);
    setHidden(this.#missing, false);
    setHidden(this.#content, true);
  }

  /** @param {LoadView & { history?: RateSample[] }} load */
  update(load) {
    const first = this.#load === undefined;
    this.#load = load;
    setHidden(this.#missing, true);
    setHidden(this.#content, false);
    if (load.history !== undefined) this.#history.begin(load.history);
    this.node.dataset['state'] = stateOf({ ...load, indexes: load.indexes.length }).name;
    this.#head.update(load);
    this.#failures.show(load);
    this.#types.show(load.types);
    this.#indexes.show(load.indexes);
    this.#loading.show(load.files);
    this.#files.show(load);
    this.#showPanels(load);
    if (first && document.activeElement === document.body) this.#head.focus();
  }

  /** Time has passed, whether or not anything changed. @param {number} at */
  tick(at) {
    const load = this.#load;
    if (load === undefined) return;
    if (load.state === 'in-progress') this.#history.add(at, load.rate);
    this.#head.tick(at);
    this.#loading.tick(at);
    const samples = this.#history.samples;
    const live = load.state === 'in-progress';
    this.#panels.charts.show('Rate', samples.length > 1);
    this.#resourceChart.show(
      samples.map(([time, , value]) => ({ at: time, value })),
      { live },
    );
    this.#byteChart.show(
      samples.map(([time, value]) => ({ at: time, value })),
      { live },
    );
  }

  /** @param {LoadView} load */
  #showPanels({ state, progress, files, failures, indexes, types }) {
    const failed = failedOf(progress);
    const panels = this.#panels;
    const causes = failures.length > 1 ? `${formatNumberOf(failures.length, 'cause')}` : '';
    panels.failures.show(formatNumberOf(failed, 'failed file'), failed > 0, causes);
    panels.loading.show(`${formatNumberOf(files.length, 'file')} in progress`, state === 'in-progress');
    const coming = files.length === 0 && state === 'in-progress' ? 'coming back' : 'dropped for the load';
    const indexState = state === 'interrupted' ? 'not back' : coming;
    panels.indexes.show(`${formatNumberOf(indexes.length, 'index', 'indexes')} ${indexState}`, indexes.length > 0);
    panels.types.show(formatNumberOf(types.length, 'resource type'), types.length > 0);
    panels.files.show(
      progress.total === 1 ? 'The file' : `All ${formatNumberOf(progress.total, 'file')}`,
      progress.total > 0,
    );
  }
}
