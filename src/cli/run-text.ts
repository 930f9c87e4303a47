import { formatBytes, formatCount, formatNumberOf, formatSeconds, formatTable } from './format.ts';
import type { Call, Run } from './run-history.ts';

const HEAD = [
  'RUN',
  'STATE',
  'BUCKET',
  'START',
  'TIME',
  'DONE',
  'FAILED',
  'LEFT',
  'RESOURCES',
  'SIZE',
  'RESOURCES/S',
  'BY',
];

/** Runs, one a line, below a head. */
export function runTable(runs: readonly Run[], withHead: boolean): string[] {
  const rows = runs.map((run) => [
    String(run.run),
    run.state,
    run.bucket,
    startOf(run.start),
    formatSeconds(run['duration-ms'] / 1_000),
    formatCount(run.files.done),
    formatCount(run.files.error),
    formatCount(run.files.left),
    formatCount(run.resources),
    formatBytes(run.bytes),
    formatCount(run.rate['resources-per-second']),
    callerText(run.calls[0]),
  ]);
  const lines = formatTable([HEAD, ...rows]);
  return withHead ? lines : lines.slice(1);
}

/** All that is known of one run. */
export function runDetails(run: Run, columns: number): string[] {
  const { files, rate, failures, calls, curve } = run;
  const left = run['lines-left-out'] === 0 ? '' : `, ${formatNumberOf(run['lines-left-out'], 'line')} left out`;
  return [
    `Run ${run.run} of ${run.bucket}: ${run.state}${run.reason === undefined ? '' : `. ${run.reason}`}`,
    `  began ${run.start}, took ${formatSeconds(run['duration-ms'] / 1_000)}, ${formatNumberOf(run.replicas, 'replica')}`,
    `  ${formatNumberOf(files.done, 'file')} loaded, ${formatCount(files.error)} failed, ${formatCount(files.left)} left; ` +
      `${formatNumberOf(run.resources, 'resource')}, ${formatBytes(run.bytes)}${left}`,
    `  on average ${formatCount(rate['resources-per-second'])} resources/s, ${formatBytes(rate['bytes-per-second'])}/s`,
    ...(curve === undefined || curve.points.length < 2 ? [] : [`  resources/s ${sparkline(curve, columns - 14)}`]),
    ...failures.map(
      ({ source = '', code = '', files: count }) =>
        `  failed: ${[source, code].join(' ').trim()}, ${formatNumberOf(count, 'file')}`,
    ),
    `${formatNumberOf(run['calls-count'], 'call')}${calls.length < run['calls-count'] ? `; the first and the latest ${calls.length - 1}` : ''}:`,
    ...calls.map(
      (call) =>
        `  ${call.at} ${callerText(call)}, ${formatNumberOf(call['new-files-count'], 'new file')}: ${paramsText(call)}`,
    ),
  ];
}

function callerText(call: Call | undefined): string {
  if (call === undefined) return '';
  const { user, address, via } = call.caller;
  return [user, via, address].filter((part) => part !== undefined).join(' ');
}

/** Without the bucket, and what is off. */
function paramsText({ params: { bucket: _, ...params } }: Call): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(params).filter(([, value]) => value !== false && value !== 0)),
  );
}

function startOf(iso: string): string {
  return iso.replace(/\.\d+Z$/, 'Z');
}

const BLOCKS = '▁▂▃▄▅▆▇█';

/** The rates in one line, neighbours together where there are more than columns; the highest rate last. */
function sparkline({ points }: NonNullable<Run['curve']>, columns: number): string {
  const each = Math.ceil(points.length / Math.max(10, columns - 12));
  const means: number[] = [];
  for (let at = 0; at < points.length; at += each) {
    const part = points.slice(at, at + each);
    means.push(part.reduce((sum, point) => sum + point['resources-per-second'], 0) / part.length);
  }
  const most = Math.max(...means);
  const blocks = means.map((mean) => BLOCKS[most === 0 ? 0 : Math.round((mean / most) * (BLOCKS.length - 1))]);
  return `${blocks.join('')} ${formatCount(most)}`;
}
