// @ts-check
import { element, setHidden, setText } from '../dom.js';
import { formatBytes, formatCount } from '../format.js';
import { formatExactSpan, formatSpan } from '../format-time.js';
import { failedOf } from '../load-words.js';

/** @typedef {import('../../load-view.ts').LoadView} LoadView */
/** @typedef {import('../history/runs.js').RunReport} RunReport */

/** The figures, in the order shown. */
const NAMES = /** @type {const} */ ([
  'Resources',
  'Created',
  'Updated',
  'Unchanged',
  'Older, not stored',
  'Resources/s',
  'Bytes/s',
  'Files done',
  'Files failed',
  'Lines left out',
  'Running for',
  'Took',
  'Average resources/s',
  'Replicas',
]);

/** Those that say something only while the load runs. @type {readonly string[]} */
const LIVE = ['Resources/s', 'Bytes/s', 'Running for', 'Replicas'];

/** Those that the record of the last run has. @type {readonly string[]} */
const OF_RUN = ['Took', 'Average resources/s'];

/** Those that only some loads have: with `upsert?`, with `newest-wins?`. @type {readonly string[]} */
const OUTCOMES = ['Created', 'Updated', 'Unchanged', 'Older, not stored'];

/** Those that are shown only when they are not nothing. @type {readonly string[]} */
const EXCEPTIONS = ['Files failed', 'Lines left out'];

/** A load in numbers. */
export class Figures {
  #values = new Map(NAMES.map((name) => [name, element('dd')]));
  #groups = new Map(
    [...this.#values].map(([name, value]) => [name, element('div', {}, element('dt', {}, name), value)]),
  );

  node = element('dl', { class: 'figures' }, ...this.#groups.values());

  /** @param {LoadView} load @param {number} now @param {RunReport | undefined} run the last one */
  show(
    { state, progress, rate, resources, replicas, 'lines-left-out': linesLeftOut = 0, 'called-at': called },
    now,
    run,
  ) {
    const failed = failedOf(progress);
    const running = state === 'in-progress';
    const texts = {
      Resources: formatCount(resources.loaded),
      Created: countOrNothing(resources.created),
      Updated: countOrNothing(resources.updated),
      Unchanged: countOrNothing(resources.unchanged),
      'Older, not stored': countOrNothing(resources.older),
      'Resources/s': formatCount(rate['resources-per-second']),
      'Bytes/s': formatBytes(rate['bytes-per-second']),
      'Files done': `${formatCount(progress['done'] ?? 0)} of ${formatCount(progress.total)}`,
      'Files failed': formatCount(failed),
      'Lines left out': formatCount(linesLeftOut),
      'Running for': formatSpan((now - Date.parse(called)) / 1000),
      Took: run === undefined ? '' : formatExactSpan(run['duration-ms'] / 1000),
      'Average resources/s': run === undefined ? '' : formatCount(run.rate['resources-per-second']),
      Replicas: formatCount(replicas),
    };
    for (const [name, value] of this.#values) setText(value, texts[name]);
    for (const [name, group] of this.#groups) {
      const isNothing =
        (EXCEPTIONS.includes(name) && texts[name] === '0') || (OUTCOMES.includes(name) && texts[name] === '');
      const isOld = OF_RUN.includes(name) && (running || run === undefined);
      setHidden(group, isNothing || isOld || (LIVE.includes(name) && !running));
    }
    this.#values.get('Files failed')?.classList.toggle('bad', failed > 0);
    this.#values.get('Lines left out')?.classList.toggle('warn', linesLeftOut > 0);
  }
}

/** @param {number | undefined} count */
function countOrNothing(count) {
  return count === undefined ? '' : formatCount(count);
}
