// @ts-check

/** @typedef {import('../../load-view.ts').LoadSummary} LoadSummary */
/** @typedef {import('../split-bar.js').Shares} Shares */

/**
 * What a load's bar shows. Lines left out have no bytes of their own: they take their share of all lines.
 * @param {LoadSummary} load
 * @returns {Shares}
 */
export function sharesOf({ bytes, resources, 'lines-left-out': linesLeftOut = 0 }) {
  const lines = resources.loaded + linesLeftOut;
  return {
    total: bytes.total,
    loaded: bytes.done - bytes.failed,
    failed: bytes.failed,
    leftOut: lines > 0 ? linesLeftOut / lines : 0,
  };
}
