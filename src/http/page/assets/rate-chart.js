// @ts-check
import { element, setText } from './dom.js';
import { formatTime } from './format.js';

/** The chart's own units; CSS stretches it. */
const WIDTH = 600;
const HEIGHT = 100;

/** The shortest span of time shown, in ms: a load's first seconds are no chart yet. */
const LEAST_SPAN_MS = 60_000;

/** Samples further apart than this, in ms, are not joined: nobody watched in between. */
const GAP_MS = 6_000;

const SVG = 'http://www.w3.org/2000/svg';

/** @typedef {{ at: number, value: number }} Point */

/** A line over time with its highest mark and the clock times of its ends; drawn as SVG. */
export class RateChart {
  #area = document.createElementNS(SVG, 'path');
  #line = document.createElementNS(SVG, 'path');
  #svg = document.createElementNS(SVG, 'svg');
  #top = element('span', { class: 'chart-top' });
  #from = element('span');
  #until = element('span');
  #title;
  #format;

  /**
   * @param {string} title
   * @param {(value: number) => string} format
   */
  constructor(title, format) {
    this.#title = title;
    this.#format = format;
    this.#svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.#svg.setAttribute('preserveAspectRatio', 'none');
    this.#svg.setAttribute('role', 'img');
    this.#area.setAttribute('class', 'chart-area');
    this.#line.setAttribute('class', 'chart-line');
    this.#svg.append(this.#area, this.#line);
    const axis = element('div', { class: 'chart-axis', 'aria-hidden': 'true' }, this.#from, this.#until);
    this.node = element(
      'figure',
      { class: 'chart' },
      element('figcaption', {}, element('span', {}, title), this.#top),
      this.#svg,
      axis,
    );
  }

  /** @param {readonly Point[]} points by time */
  show(points) {
    const last = points.at(-1);
    const first = points[0];
    if (first === undefined || last === undefined) return;
    const from = Math.min(first.at, last.at - LEAST_SPAN_MS);
    const highest = points.reduce((most, { value }) => Math.max(most, value), 0);
    const top = roundUp(highest);
    const x = (/** @type {number} */ at) => (((at - from) / (last.at - from)) * WIDTH).toFixed(1);
    const y = (/** @type {number} */ value) => (HEIGHT - (value / top) * (HEIGHT - 2) - 1).toFixed(1);

    const runs = runsOf(points);
    const lines = runs.map((run) => run.map(({ at, value }) => `${x(at)},${y(value)}`).join('L'));
    this.#line.setAttribute('d', lines.map((line) => `M${line}`).join(''));
    const areas = runs.map((run, index) => {
      const [start, end] = [run[0]?.at ?? from, run.at(-1)?.at ?? from];
      return `M${x(start)},${HEIGHT}L${lines[index]}L${x(end)},${HEIGHT}Z`;
    });
    this.#area.setAttribute('d', areas.join(''));

    setText(this.#top, `0 to ${this.#format(top)}`);
    setText(this.#from, formatTime(from));
    setText(this.#until, formatTime(last.at));
    const minutes = Math.max(1, Math.round((last.at - from) / 60_000));
    this.#svg.setAttribute(
      'aria-label',
      `${this.#title} over the last ${minutes} min: now ${this.#format(last.value)}, highest ${this.#format(highest)}`,
    );
  }
}

/**
 * Parts of the line without gaps.
 * @param {readonly Point[]} points
 * @returns {Point[][]}
 */
function runsOf(points) {
  /** @type {Point[][]} */
  const runs = [];
  for (const point of points) {
    const before = runs.at(-1)?.at(-1);
    if (before === undefined || point.at - before.at > GAP_MS) runs.push([point]);
    else runs.at(-1)?.push(point);
  }
  return runs;
}

/** A round number not far above. @param {number} value */
function roundUp(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value) ?? 10) * power;
}
