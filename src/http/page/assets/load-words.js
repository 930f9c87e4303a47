// @ts-check
import { formatNumberOf } from './format.js';
import { formatTimeLeft } from './format-time.js';

/** @typedef {import('../load-view.ts').LoadSummary} LoadSummary */
/** @typedef {'in-progress' | 'interrupted' | 'failures' | 'left-out' | 'completed'} StateName */

/**
 * The load's state in a word or two, in a few more, and how it should look.
 * @param {LoadSummary} load
 * @returns {{ name: StateName, text: string, long: string }}
 */
export function stateOf({ state, progress, indexes, 'lines-left-out': linesLeftOut = 0 }) {
  if (state === 'in-progress') {
    const restoring = !hasUnfinishedFiles(progress) && indexes > 0;
    const text = restoring ? 'Restoring indexes' : 'In progress';
    return { name: 'in-progress', text, long: text };
  }
  if (state === 'interrupted') return { name: 'interrupted', text: 'Interrupted', long: 'Interrupted' };
  if (failedOf(progress) > 0) return { name: 'failures', text: 'With failures', long: 'Completed with failures' };
  if (linesLeftOut > 0) {
    const long = `Completed, ${formatNumberOf(linesLeftOut, 'line')} left out`;
    return { name: 'left-out', text: 'Lines left out', long };
  }
  return { name: 'completed', text: 'Completed', long: 'Completed' };
}

/** @param {LoadSummary['progress']} progress */
export function failedOf(progress) {
  return progress['error'] ?? 0;
}

/** @param {LoadSummary['progress']} progress */
function unfinishedOf(progress) {
  return (progress['pending'] ?? 0) + (progress['in-progress'] ?? 0);
}

/** @param {LoadSummary['progress']} progress */
function hasUnfinishedFiles(progress) {
  return unfinishedOf(progress) > 0;
}

/** When the load will have ended, where that can be estimated. @param {LoadSummary} load @param {number} now */
export function timeLeft(load, now) {
  if (load.state !== 'in-progress') return '';
  const seconds = load['eta-seconds'];
  if (seconds !== undefined) return formatTimeLeft(seconds, now);
  if (hasUnfinishedFiles(load.progress)) return 'no estimate yet';
  return load.indexes > 0 ? 'all files read; restoring indexes' : 'all files read; finishing';
}

/** What the operator should know or do. @param {LoadSummary} load */
export function advice({ state, progress, message }) {
  if (state === 'interrupted') {
    const left = unfinishedOf(progress);
    const files =
      left === 0 ? '' : `${formatNumberOf(left, 'file')} left, and nobody loads ${left === 1 ? 'it' : 'them'}. `;
    return `${message ?? ''} ${files}Credentials are never stored: call load-from-bucket again to continue. Files that are done are not loaded twice.`.trim();
  }
  return message ?? '';
}

/**
 * What has changed that somebody who does not see the page should hear: states, failures, quarters of the way.
 * @param {LoadSummary} before
 * @param {LoadSummary} load
 */
export function newsOf(before, load) {
  const { bucket, bytes, progress } = load;
  const news = [];
  if (stateOf(before).long !== stateOf(load).long) news.push(`${bucket}: ${stateOf(load).long}.`);
  const failed = failedOf(progress) - failedOf(before.progress);
  if (failed > 0) news.push(`${bucket}: ${formatNumberOf(failed, 'file')} failed.`);
  const quarter = (/** @type {LoadSummary['bytes']} */ { done, total }) =>
    total > 0 ? Math.floor((done / total) * 4) : 0;
  if (quarter(bytes) > quarter(before.bytes) && quarter(bytes) < 4) news.push(`${bucket}: ${quarter(bytes) * 25}%.`);
  return news;
}
