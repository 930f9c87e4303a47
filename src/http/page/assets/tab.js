// @ts-check
import { byId, setAttribute } from './dom.js';
import { formatShare } from './format.js';
import { stateOf } from './load-words.js';

/** @typedef {import('../load-view.ts').LoadSummary} LoadSummary */

const NAME = 'FHIR bucket loader';

/** The icon of each state. */
const ICONS = /** @type {const} */ ({
  'in-progress': 'in-progress',
  completed: 'completed',
  failures: 'failures',
  interrupted: 'warning',
  'left-out': 'warning',
});

/**
 * The tab's title and icon: of the load that is open, else of all loads in progress together.
 * @param {readonly LoadSummary[]} loads
 * @param {string | undefined} bucket the load that is open
 */
export function showInTab(loads, bucket) {
  const open = loads.find((load) => load.bucket === bucket);
  const running = loads.filter(({ state }) => state === 'in-progress');
  const shown = open === undefined ? running : [open];
  const [first] = shown;
  if (first === undefined) {
    show(NAME, 'page/icon.svg');
    return;
  }
  const total = sum(shown, ({ bytes }) => bytes.total);
  const done = sum(shown, ({ bytes }) => bytes.done);
  const { name, text } = stateOf(first);
  const what = open === undefined ? `${shown.length === 1 ? '1 load' : `${shown.length} loads`}` : open.bucket;
  const percent = formatShare(done, total);
  const words = name === 'in-progress' ? percent : text;
  // In steps: each is a file of its own.
  const step = Math.floor((Number.parseInt(percent, 10) || 0) / 5) * 5;
  show(`${words} · ${what} · ${NAME}`, `page/progress-icon/${ICONS[name]}/${step}`);
}

/** @param {string} title @param {string} icon */
function show(title, icon) {
  if (document.title !== title) document.title = title;
  setAttribute(byId('icon'), 'href', icon);
}

/** @param {readonly LoadSummary[]} loads @param {(load: LoadSummary) => number} value */
function sum(loads, value) {
  return loads.reduce((total, load) => total + value(load), 0);
}
