// @ts-check
import { formatNumberOf, formatTimeLeft } from './format.js';

/** @typedef {import('../load-view.ts').LoadView} LoadView */

/** The load's state in a word or two, and how it should look. @param {LoadView} load */
export function stateOf({ state, progress, indexes, 'lines-left-out': linesLeftOut = 0 }) {
  const failed = (progress['error'] ?? 0) > 0;
  if (state === 'in-progress') {
    const restoring = !hasUnfinishedFiles(progress) && indexes.length > 0;
    return { name: 'in-progress', text: restoring ? 'Restoring indexes' : 'In progress' };
  }
  if (state === 'interrupted') return { name: 'interrupted', text: 'Interrupted' };
  if (failed) return { name: 'failures', text: 'Completed with failures' };
  if (linesLeftOut > 0)
    return { name: 'left-out', text: `Completed, ${formatNumberOf(linesLeftOut, 'line')} left out` };
  return { name: 'completed', text: 'Completed' };
}

/** @param {LoadView['progress']} progress */
export function hasUnfinishedFiles(progress) {
  return (progress['pending'] ?? 0) + (progress['in-progress'] ?? 0) > 0;
}

/** When the load will have ended, where that can be estimated. @param {LoadView} load @param {number} now */
export function timeLeft(load, now) {
  if (load.state !== 'in-progress') return '';
  const seconds = load['eta-seconds'];
  if (seconds !== undefined) return formatTimeLeft(seconds, now);
  if (hasUnfinishedFiles(load.progress)) return 'no estimate yet';
  return load.indexes.length > 0 ? 'all files read; restoring indexes' : 'all files read; finishing';
}

/** What the operator should know or do. @param {LoadView} load */
export function advice({ state, progress, message }) {
  if (state === 'interrupted') {
    const left = (progress['pending'] ?? 0) + (progress['in-progress'] ?? 0);
    const files = left === 0 ? '' : `${formatNumberOf(left, 'file')} left, and nobody loads them. `;
    return `${message ?? ''} ${files}Credentials are never stored: call load-from-bucket again to continue. Files that are done are not loaded twice.`.trim();
  }
  return message ?? '';
}
