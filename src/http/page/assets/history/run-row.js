// @ts-check
import { element, setText } from '../dom.js';
import { formatCompact, formatNumberOf } from '../format.js';
import { formatExactSpan, formatMoment } from '../format-time.js';
import { reasonOf } from '../server.js';
import { describeRun } from './run-details.js';
import { readRun } from './runs.js';

/** @typedef {import('./runs.js').RunReport} RunReport */

/** How a run ended, in words and in the state whose looks it has. @type {Readonly<Record<string, [text: string, state: string]>>} */
const STATES = {
  'in-progress': ['In progress', 'in-progress'],
  completed: ['Completed', 'completed'],
  interrupted: ['Interrupted', 'interrupted'],
  cancelled: ['Stopped', 'interrupted'],
  'given-up': ['Given up', 'failures'],
};

/** One run in a line, which opens into all that is recorded of it. */
export class RunRow {
  #state = element('span', { class: 'state' });
  #cells = ['run-start', 'run-took', 'run-resources', 'run-rate', 'run-failed'].map((name) =>
    element('span', { class: name }),
  );
  #content = element('div', { class: 'run-details' });
  #details = element(
    'details',
    { class: 'run' },
    element('summary', {}, this.#state, ...this.#cells.flatMap((cell) => [' ', cell])),
    this.#content,
  );
  #run;

  node = element('li', {}, this.#details);

  /** @param {RunReport} run */
  constructor(run) {
    this.#run = run;
    this.#details.addEventListener('toggle', () => {
      if (this.#details.open) void this.#read();
    });
  }

  /** @param {RunReport} run */
  update(run) {
    const changed = JSON.stringify(run) !== JSON.stringify(this.#run);
    this.#run = run;
    const { error } = run.files;
    const [text, state] = STATES[run.state] ?? [run.state, 'interrupted'];
    const withFailures = run.state === 'completed' && error > 0;
    setText(this.#state, withFailures ? 'With failures' : text);
    this.node.dataset['state'] = withFailures ? 'failures' : state;
    const texts = [
      formatMoment(Date.parse(run.start)),
      formatExactSpan(run['duration-ms'] / 1000),
      formatNumberOf(run.resources, 'resource'),
      `${formatCompact(run.rate['resources-per-second'])}/s`,
      error > 0 ? `${formatNumberOf(error, 'file')} failed` : '',
    ];
    for (const [column, cell] of this.#cells.entries()) setText(cell, texts[column] ?? '');
    if (changed && this.#details.open) void this.#read();
  }

  async #read() {
    try {
      const run = await readRun(this.#run.run);
      if (run !== undefined) this.#content.replaceChildren(...describeRun(run));
    } catch (error) {
      setText(this.#content, `The run could not be read: ${reasonOf(error)}`);
    }
  }
}
