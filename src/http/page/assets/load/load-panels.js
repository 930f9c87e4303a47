// @ts-check

import { formatNumberOf } from '../format.js';
import { failedOf } from '../load-words.js';
import { Panel } from './panel.js';
import { openOf } from './references.js';

/** @typedef {import('../../load-view.ts').LoadView} LoadView */

/** The panels of a load's page, in their order, and what their headings say. */
export class LoadPanels {
  /** @param {Record<'indexes' | 'failures' | 'loading' | 'charts' | 'types' | 'references' | 'runs' | 'files', Element>} content */
  constructor(content) {
    this.indexes = new Panel('indexes', [content.indexes], { open: true });
    this.failures = new Panel('failures', [content.failures], { open: true });
    this.loading = new Panel('loading', [content.loading], { open: true });
    this.charts = new Panel('rates', [content.charts], { open: true });
    this.types = new Panel('types', [content.types], { open: true });
    this.references = new Panel('references', [content.references], { open: false });
    this.runs = new Panel('history', [content.runs], { open: true });
    this.files = new Panel('files', [content.files], { open: false });
  }

  get nodes() {
    const { indexes, failures, loading, charts, types, references, runs, files } = this;
    return [indexes, failures, loading, charts, types, references, runs, files].map((panel) => panel.node);
  }

  /** What the panels of a load say, and which of them it has; the runs and the chart come by themselves. @param {LoadView} load */
  showOf({ state, progress, files, failures, indexes, types, references }) {
    const failed = failedOf(progress);
    const causes = failures.length > 1 ? `${formatNumberOf(failures.length, 'cause')}` : '';
    this.failures.show(formatNumberOf(failed, 'failed file'), failed > 0, causes);
    this.loading.show(`${formatNumberOf(files.length, 'file')} in progress`, state === 'in-progress');
    const coming = files.length === 0 && state === 'in-progress' ? 'coming back' : 'dropped for the load';
    const indexState = state === 'interrupted' ? 'not back' : coming;
    this.indexes.show(`${formatNumberOf(indexes.length, 'index', 'indexes')} ${indexState}`, indexes.length > 0);
    this.types.show(formatNumberOf(types.length, 'resource type'), types.length > 0);
    const open = references === undefined ? 0 : openOf(references);
    const resolved = references === undefined ? '' : `${formatNumberOf(references.resolved, 'reference')} resolved`;
    this.references.show(formatNumberOf(open, 'open reference'), references !== undefined, resolved);
    this.files.show(
      progress.total === 1 ? 'The file' : `All ${formatNumberOf(progress.total, 'file')}`,
      progress.total > 0,
    );
  }
}
