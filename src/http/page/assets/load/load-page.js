// @ts-check

import { RateCharts } from '../chart/rate-charts.js';
import { RateHistory } from '../chart/rate-history.js';
import { element, setHidden, setText } from '../dom.js';
import { Failures } from '../failures/failures.js';
import { FileBrowser } from '../files/file-browser.js';
import { formatNumberOf } from '../format.js';
import { gapOf, pointsOf } from '../history/curve.js';
import { RunList } from '../history/run-list.js';
import { paramsToLoadAgain, readRun } from '../history/runs.js';
import { failedOf, stateOf } from '../load-words.js';
import { call } from '../server.js';
import { LoadHead } from './load-head.js';
import { LoadingFiles } from './loading-files.js';
import { MissingIndexes } from './missing-indexes.js';
import { Outcome } from './outcome.js';
import { Panel } from './panel.js';
import { openOf, ReferenceCounts } from './references.js';
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
    this.#panels = {
      indexes: new Panel('indexes', [this.#indexes.node], { open: true }),
      failures: new Panel('failures', [this.#failures.node], { open: true }),
      loading: new Panel('loading', [this.#loading.node], { open: true }),
      charts: new Panel('rates', [this.#charts.node], { open: true }),
      types: new Panel('types', [this.#types.node], { open: true }),
      references: new Panel('references', [this.#references.node], { open: false }),
      runs: new Panel('history', [this.#runs.node], { open: true }),
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
    this.#showPanels(load);
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

  /** @param {LoadView} load */
  #showPanels({ state, progress, files, failures, indexes, types, references }) {
    const failed = failedOf(progress);
    const panels = this.#panels;
    const causes = failures.length > 1 ? `${formatNumberOf(failures.length, 'cause')}` : '';
    panels.failures.show(formatNumberOf(failed, 'failed file'), failed > 0, causes);
    panels.loading.show(`${formatNumberOf(files.length, 'file')} in progress`, state === 'in-progress');
    const coming = files.length === 0 && state === 'in-progress' ? 'coming back' : 'dropped for the load';
    const indexState = state === 'interrupted' ? 'not back' : coming;
    panels.indexes.show(`${formatNumberOf(indexes.length, 'index', 'indexes')} ${indexState}`, indexes.length > 0);
    panels.types.show(formatNumberOf(types.length, 'resource type'), types.length > 0);
    const open = references === undefined ? 0 : openOf(references);
    const resolved = references === undefined ? '' : `${formatNumberOf(references.resolved, 'reference')} resolved`;
    panels.references.show(formatNumberOf(open, 'open reference'), references !== undefined, resolved);
    panels.files.show(
      progress.total === 1 ? 'The file' : `All ${formatNumberOf(progress.total, 'file')}`,
      progress.total > 0,
    );
  }
}
