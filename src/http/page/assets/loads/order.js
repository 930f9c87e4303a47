// @ts-check
import { failedOf, stateOf } from '../load-words.js';

/** @typedef {import('../../load-view.ts').LoadSummary} LoadSummary */

/** Which loads are shown, by name, in the order of their buttons. */
export const FILTERS = /** @type {const} */ ({
  all: 'All',
  running: 'In progress',
  attention: 'Need attention',
  completed: 'Completed',
});
/** @typedef {keyof typeof FILTERS} Filter */

/** The columns, in their order, each with what it is called and the order that its first click gives. */
export const COLUMNS = /** @type {const} */ ([
  { key: 'state', name: 'State', first: 'up' },
  { key: 'bucket', name: 'Bucket', first: 'up' },
  { key: 'progress', name: 'Loaded', first: 'down' },
  { key: 'rate', name: 'Resources/s', first: 'down' },
  { key: 'left', name: 'Time left', first: 'up' },
  { key: 'failed', name: 'Failed', first: 'down' },
  { key: 'called', name: 'Called', first: 'down' },
]);
/** @typedef {(typeof COLUMNS)[number]['key']} ColumnKey */
/** @typedef {{ key: ColumnKey, down: boolean }} Order */

/** The latest call first. @type {Order} */
export const DEFAULT_ORDER = { key: 'called', down: true };

const STATES = ['in-progress', 'interrupted', 'failures', 'left-out', 'completed'];

/** @type {Record<ColumnKey, (load: LoadSummary) => number | string>} */
const VALUES = {
  state: (load) => STATES.indexOf(stateOf(load).name),
  bucket: ({ bucket }) => bucket,
  progress: ({ bytes: { done, failed, total } }) => (total > 0 ? (done - failed) / total : 0),
  rate: ({ state, rate }) => (state === 'in-progress' ? rate['resources-per-second'] : -1),
  left: (load) => load['eta-seconds'] ?? Number.POSITIVE_INFINITY,
  failed: ({ progress }) => failedOf(progress),
  called: (load) => load['called-at'],
};

/** @param {LoadSummary} load @param {Filter} filter */
export function isIn(load, filter) {
  const { name } = stateOf(load);
  if (filter === 'all') return true;
  if (filter === 'running') return name === 'in-progress';
  if (filter === 'completed') return name === 'completed';
  // A load in progress whose files fail needs it as well.
  return name === 'interrupted' || name === 'failures' || name === 'left-out' || failedOf(load.progress) > 0;
}

/** Whether every word of the text is part of the bucket's name. @param {LoadSummary} load @param {string} text */
export function matches({ bucket }, text) {
  const name = bucket.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => name.includes(word));
}

/**
 * In this order; equals stay as the server sends them, the latest call first.
 * @param {readonly LoadSummary[]} loads
 * @param {Order} order
 */
export function sorted(loads, { key, down }) {
  const value = VALUES[key];
  const sign = down ? -1 : 1;
  return loads.toSorted((one, other) => {
    const [a, b] = [value(one), value(other)];
    return a === b ? 0 : sign * (a < b ? -1 : 1);
  });
}

/** `rate`, `-rate` as in the address. @param {string | null} text @returns {Order} */
export function parseOrder(text) {
  const key = COLUMNS.find((column) => column.key === text?.replace(/^-/, ''))?.key;
  return key === undefined ? DEFAULT_ORDER : { key, down: text?.startsWith('-') === true };
}

/** @param {Order} order */
export function formatOrder({ key, down }) {
  return `${down ? '-' : ''}${key}`;
}

/** @param {string | null} text @returns {Filter} */
export function parseFilter(text) {
  return text === 'running' || text === 'attention' || text === 'completed' ? text : 'all';
}
