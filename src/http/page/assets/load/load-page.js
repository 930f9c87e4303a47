// @ts-check

import { RateCharts } from '../chart/rate-charts.js';
import { RateHistory } from '../chart/rate-history.js';
import { element, setHidden, setText } from '../dom.js';
import { Failures } from '../failures/failures.js';
import { FileBrowser } from '../files/file-browser.js';
import { gapOf, pointsOf } from '../history/curve.js';
import { RunList } from '../history/run-list.js';
import { paramsToLoadAgain, readRun } from '../history/runs.js';
import { stateOf } from '../load-words.js';
import { call } from '../server.js';
import { LoadHead } from './load-head.js';
import { LoadPanels } from './load-panels.js';
import { LoadingFiles } from './loading-files.js';
import { MissingIndexes } from './missing-indexes.js';
import { Outcome } from './outcome.js';
import { ReferenceCounts } from './references.js';
import { TypeBars } from './type-bars.js';

/** @typedef {import('../../load-view.ts').LoadView} LoadView */

/** One load: what is known of it, and what can be done about it. */
export class LoadPage {
  /** @type {LoadView | undefined} */
  #load;
  #outcome = new Outcome();
  #head;
  #failures;
  #types;
  #files;
  #runs;
  #references = new ReferenceCounts();
  /** What the last call of the last run can be repeated with. @type {object | undefined} */
  #params;
  /** The state and the call that the runs were read of. */
  #runsOf = '';
  #at = Date.now();
  #history = new RateHistory();
  #charts = new RateCharts();
  #loading = new LoadingFiles();
  #indexes = new MissingIndexes();
  #missing = element('p', { class: 'notice' });
  #panels;
  #content;

  node;

  /** @param {string} bucket @param {string} list address of the list that the reader comes from */
  constructor(bucket, list) {
    this.bucket = bucket;
    const loadAgain = () => this.#loadAgain();
    this.#head = new LoadHead(bucket, this.#outcome, loadAgain);
    this.#failures = new Failures(bucket, this.#outcome, loadAgain);
    this.#runs = new RunList(bucket);
    this.#types = new TypeBars(bucket);
    this.#files = new FileBrowser(bucket);
    this.#panels = new LoadPanels({
      indexes: this.#indexes.node,
      failures: this.#failures.node,
      loading: this.#loading.node,
      charts: this.#charts.node,
      types: this.#types.node,
      references: this.#references.node,
      runs: this.#runs.node,
      files: this.#files.node,
    });
    this.#panels.files.onToggle(() => this.#files.watch(this.#panels.files.isOpen));
    this.#content = element('article', { 'aria-labelledby': 'load-title' }, this.#head.node, ...this.#panels.nodes);
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

  /** @param {LoadView} load */
  update(load) {
    const first = this.#load === undefined;
    this.#load = load;
    setHidden(this.#missing, true);
    setHidden(this.#content, false);
    this.node.dataset['state'] = stateOf({ ...load, indexes: load.indexes.length }).name;
    this.#head.update(load);
    this.#failures.show(load, this.#canLoad);
    if (load.references !== undefined) this.#references.show(load.references);
    this.#types.show(load.types);
    this.#indexes.show(load.indexes);
    this.#loading.show(load.files);
    this.#files.show(load);
    this.#panels.showOf(load);
    const runsOf = `${load.state} ${load['called-at']}`;
    if (runsOf !== this.#runsOf) void this.#readRuns();
    this.#runsOf = runsOf;
    if (first && document.activeElement === document.body) this.#head.focus();
  }

  /** Whether files that are queued can be loaded by the server's own credentials; a load in progress takes them anyway. */
  get #canLoad() {
    return this.#params !== undefined && this.#load?.state !== 'in-progress';
  }

  /** Loads with the parameters of the latest call. @returns {Promise<{ message: string }>} */
  async #loadAgain() {
    const params = this.#params;
    if (params === undefined) throw new Error('call load-from-bucket with the credentials of the bucket');
    return await call('aidbox.bulk/load-from-bucket', params);
  }

  /** Reads what is recorded of the load's runs, with the curve of the last one. */
  async #readRuns() {
    const latest = await this.#runs.read();
    const run = latest === undefined ? undefined : await readRun(latest.run).catch(() => latest);
    this.#panels.runs.show('History', run !== undefined);
    if (run === undefined) return;
    this.#params = paramsToLoadAgain(run);
    this.#history.begin(pointsOf(run), gapOf(run));
    this.#head.showRun(run, this.#canLoad);
    if (this.#load !== undefined) this.#failures.show(this.#load, this.#canLoad);
    this.tick(this.#at);
  }

  /** Time has passed, whether or not anything changed. @param {number} at */
  tick(at) {
    this.#at = at;
    const load = this.#load;
    if (load === undefined) return;
    if (load.state === 'in-progress') this.#history.add(at, load.rate);
    this.#head.tick(at);
    this.#loading.tick(at);
    const samples = this.#history.samples;
    this.#panels.charts.show('Rate', samples.length > 1);
    this.#charts.show(samples, { live: load.state === 'in-progress', gapMs: this.#history.gapMs });
  }
}
