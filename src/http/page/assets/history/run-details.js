// @ts-check
import { RateCharts } from '../chart/rate-charts.js';
import { element } from '../dom.js';
import { formatBytes, formatCount, formatNumberOf } from '../format.js';
import { formatExactSpan, formatMoment } from '../format-time.js';
import { gapOf, pointsOf } from './curve.js';

/** @typedef {import('./runs.js').RunReport} RunReport */

const VIA = { 'command-line': 'the command line', page: 'this page', api: 'the API' };

/** All that is recorded of a run. @param {RunReport} run @returns {HTMLElement[]} */
export function describeRun(run) {
  return [
    ...(run.reason === undefined ? [] : [element('p', { class: 'advice' }, run.reason)]),
    figuresOf(run),
    ...failuresOf(run),
    ...chartsOf(run),
    element('h4', {}, formatNumberOf(run['calls-count'], 'call')),
    element('ul', { class: 'calls' }, ...run.calls.map(describeCall)),
  ];
}

/** @param {RunReport} run */
function figuresOf(run) {
  const { files, rate } = run;
  const left = files.left > 0 ? `, ${formatCount(files.left)} left` : '';
  /** @type {[string, string][]} */
  const figures = [
    ['Start', formatMoment(Date.parse(run.start))],
    ['End', run.end === undefined ? '–' : formatMoment(Date.parse(run.end))],
    ['Duration', formatExactSpan(run['duration-ms'] / 1000)],
    ['Average', `${formatCount(rate['resources-per-second'])} resources/s, ${formatBytes(rate['bytes-per-second'])}/s`],
    ['Loaded', `${formatNumberOf(run.resources, 'resource')}, ${formatBytes(run.bytes)}`],
    ['Files', `${formatCount(files.done)} done, ${formatCount(files.error)} failed${left}`],
    ...(run['lines-left-out'] > 0
      ? [/** @type {[string, string]} */ (['Lines left out', formatCount(run['lines-left-out'])])]
      : []),
    ['Replicas', formatCount(run.replicas)],
  ];
  const groups = figures.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value)));
  return element('dl', { class: 'run-figures' }, ...groups);
}

/** @param {RunReport} run */
function failuresOf({ failures }) {
  if (failures.length === 0) return [];
  const causes = failures.map(({ code = 'no code', files }) =>
    element('li', {}, element('code', { class: 'code' }, code), ` ${formatNumberOf(files, 'file')}`),
  );
  return [element('h4', {}, 'Failures'), element('ul', { class: 'run-failures' }, ...causes)];
}

/** @param {RunReport} run */
function chartsOf(run) {
  const points = pointsOf(run);
  if (points.length < 2) return [];
  const charts = new RateCharts();
  // Once it stands in the page, and has a width.
  requestAnimationFrame(() => charts.show(points, { live: false, gapMs: gapOf(run) }));
  return [charts.node];
}

/** @param {RunReport['calls'][number]} call */
function describeCall({ at, caller, params, 'new-files-count': newFiles }) {
  const who = [
    ...(caller.user === undefined ? [] : [`by ${caller.user}`]),
    ...(caller.address === undefined ? [] : [`from ${caller.address}`]),
    `by way of ${VIA[caller.via]}`,
  ];
  const text = `${formatMoment(Date.parse(at))} ${who.join(' ')}: ${formatNumberOf(newFiles, 'new file')}`;
  const others = Object.entries(params).filter(([name]) => name !== 'bucket');
  const shown = others.map(([name, value]) => element('code', {}, `${name}: ${JSON.stringify(value)}`));
  return element('li', {}, element('p', {}, text), element('p', { class: 'params' }, ...shown));
}
