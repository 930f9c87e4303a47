// @ts-check
import { element, setAttribute, setText } from '../dom.js';
import { formatDayTime, formatTime } from '../format-time.js';
import { ChartCursor } from './chart-cursor.js';
import { momentsWithin, ticksUpTo } from './scale.js';

/** The chart's own units; CSS stretches it. */
const WIDTH = 600;
const HEIGHT = 100;

/** The shortest spans of time shown, in ms: the first seconds of a load in progress do not make a chart. */
const LEAST_SPAN_MS = 5_000;
const LEAST_LIVE_SPAN_MS = 60_000;

/** Room for the label of a moment, in pixels. */
const LABEL_WIDTH = 90;

const SVG = 'http://www.w3.org/2000/svg';

/** @typedef {{ at: number, value: number }} Point */

/** A line over time with an axis, gridlines, and its value at the moment that the pointer or the arrow keys choose. */
export class RateChart {
  #grid = document.createElementNS(SVG, 'path');
  #area = document.createElementNS(SVG, 'path');
  #line = document.createElementNS(SVG, 'path');
  #now = element('span', { class: 'chart-now' });
  #values = element('div', { class: 'chart-values', 'aria-hidden': 'true' });
  #moments = element('div', { class: 'chart-moments', 'aria-hidden': 'true' });
  #cursor;
  #format;

  /** @param {string} title @param {(value: number) => string} format */
  constructor(title, format) {
    this.#format = format;
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    this.#grid.setAttribute('class', 'chart-grid');
    this.#area.setAttribute('class', 'chart-area');
    this.#line.setAttribute('class', 'chart-line');
    svg.append(this.#grid, this.#area, this.#line);
    this.#cursor = new ChartCursor(title, svg, format);
    this.node = element(
      'figure',
      { class: 'chart' },
      element('figcaption', {}, element('span', {}, title), this.#now),
      element('div', { class: 'chart-body' }, this.#values, this.#cursor.node, this.#moments),
    );
  }

  /**
   * @param {readonly Point[]} points by time
   * @param {{ live: boolean, gapMs: number }} options `live`: the last point is of now; points further apart than `gapMs` are not
   * joined
   */
  show(points, { live, gapMs }) {
    const last = points.at(-1);
    const first = points[0];
    if (first === undefined || last === undefined) return;
    const from = Math.min(first.at, last.at - (live ? LEAST_LIVE_SPAN_MS : LEAST_SPAN_MS));
    const highest = points.reduce((most, { value }) => Math.max(most, value), 0);
    const ticks = ticksUpTo(highest, 4);
    const top = ticks.at(-1) ?? 1;
    const xShare = (/** @type {number} */ at) => (at - from) / (last.at - from);
    const yShare = (/** @type {number} */ value) => 1 - value / top;
    const x = (/** @type {number} */ at) => (xShare(at) * WIDTH).toFixed(1);
    const y = (/** @type {number} */ value) => (yShare(value) * HEIGHT).toFixed(1);

    const runs = runsOf(points, gapMs);
    const lines = runs.map((run) => run.map(({ at, value }) => `${x(at)},${y(value)}`).join('L'));
    setAttribute(this.#line, 'd', lines.map((line) => `M${line}`).join(''));
    const areas = runs.map((run, index) => {
      const [start, end] = [run[0]?.at ?? from, run.at(-1)?.at ?? from];
      return `M${x(start)},${HEIGHT}L${lines[index]}L${x(end)},${HEIGHT}Z`;
    });
    setAttribute(this.#area, 'd', areas.join(''));

    const moments = momentsWithin(from, last.at, Math.max(2, Math.floor(this.#moments.clientWidth / LABEL_WIDTH)));
    const across = ticks.map((value) => `M0,${y(value)}H${WIDTH}`);
    const down = moments.map((at) => `M${x(at)},0V${HEIGHT}`);
    setAttribute(this.#grid, 'd', [...across, ...down].join(''));
    placeLabels(
      this.#values,
      'top',
      ticks.map((value) => ({ share: yShare(value), text: this.#format(value) })),
    );
    const isLong = last.at - from > 20 * 3600 * 1000;
    const clock = (/** @type {number} */ at) => (isLong ? formatDayTime(at) : formatTime(at));
    placeLabels(
      this.#moments,
      'left',
      moments.map((at) => ({ share: xShare(at), text: clock(at) })),
    );
    setText(this.#now, `${live ? `now ${this.#format(last.value)} · ` : ''}highest ${this.#format(highest)}`);
    this.#cursor.show(points, { xShare, yShare });
  }
}

/**
 * Labels of an axis, each at its place.
 * @param {HTMLElement} axis
 * @param {'top' | 'left'} side
 * @param {readonly { share: number, text: string }[]} labels
 */
function placeLabels(axis, side, labels) {
  while (axis.childElementCount > labels.length) axis.lastElementChild?.remove();
  while (axis.childElementCount < labels.length) axis.append(element('span'));
  labels.forEach(({ share, text }, place) => {
    const label = axis.children[place];
    if (!(label instanceof HTMLElement)) return;
    setText(label, text);
    label.style[side] = `${(share * 100).toFixed(2)}%`;
    label.classList.toggle('at-start', share < 0.06);
    label.classList.toggle('at-end', share > 0.94);
  });
}

/**
 * Parts of the line without gaps.
 * @param {readonly Point[]} points
 * @param {number} gapMs
 * @returns {Point[][]}
 */
function runsOf(points, gapMs) {
  /** @type {Point[][]} */
  const runs = [];
  for (const point of points) {
    const before = runs.at(-1)?.at(-1);
    if (before === undefined || point.at - before.at > gapMs) runs.push([point]);
    else runs.at(-1)?.push(point);
  }
  return runs;
}
