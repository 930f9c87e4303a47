// @ts-check
import { element, setAttribute, setHidden, setText } from '../dom.js';
import { formatTime } from '../format-time.js';

/** @typedef {import('./rate-chart.js').Point} Point */
/** @typedef {{ xShare(at: number): number, yShare(value: number): number }} Places */

/** How many points Page Up and Page Down pass over. */
const PAGE = 10;

/** The plot of a chart with a mark on it, which the pointer or the arrow keys move, and the value there. */
export class ChartCursor {
  #mark = element('span', { class: 'chart-mark' });
  #dot = element('span', { class: 'chart-dot' });
  #tip = element('span', { class: 'chart-tip' });
  #format;
  /** @type {readonly Point[]} */
  #points = [];
  /** @type {Places} */
  #places = { xShare: () => 0, yShare: () => 0 };
  /** The moment that is marked; none follows the last one. @type {number | undefined} */
  #at;

  node;

  /**
   * @param {string} title
   * @param {SVGSVGElement} plot
   * @param {(value: number) => string} format
   */
  constructor(title, plot, format) {
    this.#format = format;
    this.node = element(
      'div',
      { class: 'chart-plot', role: 'slider', tabindex: '0', 'aria-label': `${title}, over time` },
      this.#mark,
      this.#dot,
      this.#tip,
    );
    this.node.prepend(plot);
    this.#hide();
    this.node.addEventListener('pointermove', (event) => this.#point(event));
    this.node.addEventListener('pointerdown', (event) => this.#point(event));
    this.node.addEventListener('pointerleave', () => this.#hide());
    this.node.addEventListener('keydown', (event) => this.#press(event));
    this.node.addEventListener('focus', () => {
      if (this.node.matches(':focus-visible')) this.#choose(this.#points.length - 1);
    });
    this.node.addEventListener('blur', () => this.#hide());
  }

  /** @param {readonly Point[]} points @param {Places} places */
  show(points, places) {
    this.#points = points;
    this.#places = places;
    setAttribute(this.node, 'aria-valuemin', '0');
    setAttribute(this.node, 'aria-valuemax', String(Math.max(0, points.length - 1)));
    const place = this.#at === undefined ? points.length - 1 : nearest(points, this.#at);
    this.#say(place);
    if (!this.#tip.hidden) this.#draw(place);
  }

  /** @param {PointerEvent} event */
  #point(event) {
    const { left, width } = this.node.getBoundingClientRect();
    const share = (event.clientX - left) / width;
    const distances = this.#points.map(({ at }) => Math.abs(this.#places.xShare(at) - share));
    this.#choose(distances.indexOf(Math.min(...distances)));
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const place = this.#at === undefined ? this.#points.length - 1 : nearest(this.#points, this.#at);
    const to = {
      ArrowLeft: place - 1,
      ArrowDown: place - 1,
      ArrowRight: place + 1,
      ArrowUp: place + 1,
      PageDown: place - PAGE,
      PageUp: place + PAGE,
      Home: 0,
      End: this.#points.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#choose(Math.min(Math.max(to, 0), this.#points.length - 1));
  }

  /** @param {number} place */
  #choose(place) {
    const point = this.#points[place];
    if (point === undefined) return;
    this.#at = point.at;
    this.#say(place);
    for (const part of [this.#mark, this.#dot, this.#tip]) setHidden(part, false);
    this.#draw(place);
  }

  /** @param {number} place */
  #draw(place) {
    const point = this.#points[place];
    if (point === undefined) return;
    const x = this.#places.xShare(point.at);
    const left = `${(x * 100).toFixed(2)}%`;
    this.#mark.style.left = left;
    this.#dot.style.left = left;
    this.#dot.style.top = `${(this.#places.yShare(point.value) * 100).toFixed(2)}%`;
    this.#tip.style.left = left;
    this.#tip.classList.toggle('at-left', x < 0.5);
    setText(this.#tip, `${this.#format(point.value)} · ${formatTime(point.at)}`);
  }

  /** @param {number} place */
  #say(place) {
    const point = this.#points[place];
    if (point === undefined) return;
    setAttribute(this.node, 'aria-valuenow', String(place));
    setAttribute(this.node, 'aria-valuetext', `${this.#format(point.value)} at ${formatTime(point.at)}`);
  }

  #hide() {
    this.#at = undefined;
    for (const part of [this.#mark, this.#dot, this.#tip]) setHidden(part, true);
  }
}

/** The place of the point nearest to a moment. @param {readonly Point[]} points @param {number} at */
function nearest(points, at) {
  const distances = points.map((point) => Math.abs(point.at - at));
  return distances.indexOf(Math.min(...distances));
}
