// @ts-check

/** @typedef {import('../../load-view.ts').RateSample} RateSample */
/** @typedef {import('./runs.js').RunReport} RunReport */

/** The rates of a run as the server has kept them, whether or not somebody watched. @param {RunReport} run @returns {RateSample[]} */
export function pointsOf({ start, state, curve }) {
  const began = Date.parse(start);
  const all = curve?.points ?? [];
  // The second that has just begun says little.
  const points = state === 'in-progress' ? all.slice(0, -1) : all;
  return points.map((point) => [began + point.second * 1000, point['bytes-per-second'], point['resources-per-second']]);
}

/** How far apart points of a run may be at most that belong together, in ms. @param {RunReport} run */
export function gapOf({ curve }) {
  return 6_000 * (curve?.['seconds-per-point'] ?? 1);
}
