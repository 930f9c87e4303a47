import { commandName } from './command-name.ts';
import {
  formatBar,
  formatBytes,
  formatCount,
  formatNumberOf,
  formatSeconds,
  formatShare,
  formatTable,
} from './format.ts';
import type { LoadStatus } from './load-status.ts';

/** The widest bar, in characters. */
const WIDEST_BAR = 40;

/** Failed files that a status names; `files --failed` has the others. */
const MOST_FAILED = 10;

/** A status in one line, for logs. */
export function statusLine(status: LoadStatus): string {
  const { bytes } = status;
  return [
    status.state,
    `${formatShare(bytes.done, bytes.total)} of ${formatBytes(bytes.total)}`,
    filesText(status),
    formatNumberOf(status.resources.loaded, 'resource'),
    ...leftOutText(status),
    ...(status.state === 'in-progress' ? [ratesText(status), timeLeft(status)] : []),
  ].join(', ');
}

/** A status as a block of lines for a terminal of this many columns: the whole, then each file in progress. */
export function statusBlock(bucket: string, status: LoadStatus, columns: number): string[] {
  const { bytes, files, state } = status;
  const width = Math.max(10, Math.min(WIDEST_BAR, columns - 60));
  const amount = `${formatShare(bytes.done, bytes.total).padStart(5)}  ${formatBytes(bytes.done)} of ${formatBytes(bytes.total)}`;
  const running = state === 'in-progress';
  return [
    `${bucket}  ${state}`,
    `${formatBar(bytes.done, bytes.total, width)} ${amount}${running ? `  ${timeLeft(status)}` : ''}`,
    `  ${[filesText(status), formatNumberOf(status.resources.loaded, 'resource'), ...leftOutText(status)].join(', ')}${running ? `, ${ratesText(status)}` : ''}`,
    ...files.map(({ file, size, bytes: done }) => {
      const share = `${formatShare(done, size).padStart(5)} of ${formatBytes(size)}`;
      const room = Math.max(16, Math.min(columns - 50, 60));
      return `  ${shorten(file, room).padEnd(room)} ${formatBar(done, size, 20)} ${share}`;
    }),
  ];
}

/** A status in full, for `status s3://bucket`. */
export function statusDetails(bucket: string, status: LoadStatus, columns: number): string[] {
  const { types, indexes, message } = status;
  const rows = types.map(({ type, files, done, error, bytes, resources }) =>
    [type === '' ? '?' : type, ...[files, done, error].map(formatCount)].concat(
      formatBytes(bytes),
      formatCount(resources),
    ),
  );
  return [
    ...statusBlock(bucket, status, columns),
    ...(message === undefined ? [] : [message]),
    ...watchLines(status),
    '',
    ...formatTable([['TYPE', 'FILES', 'DONE', 'FAILED', 'SIZE', 'RESOURCES'], ...rows]),
    ...failedLines(bucket, status),
    ...indexes.map(
      (each) => `index ${each.index} of ${each.table} is not back${each.message ? `: ${each.message}` : ''}`,
    ),
  ];
}

/** The failed files, and how to see and retry them. */
export function failedLines(bucket: string, { errors, progress }: LoadStatus): string[] {
  const failed = progress['error'] ?? 0;
  if (failed === 0) return [];
  const shown = errors.slice(0, MOST_FAILED);
  return [
    '',
    `${formatNumberOf(failed, 'file')} failed:`,
    ...shown.map(({ file, message }) => `  ${file}: ${message}`),
    ...(failed > shown.length ? [`  and ${formatCount(failed - shown.length)} more`] : []),
    `All of them:  ${commandName()} files ${bucket} --failed`,
    `Again:        the load command as before, with --retry-failed`,
  ];
}

/** That lines were left out; nothing where none was. */
function leftOutText({ 'lines-left-out': lines = 0 }: LoadStatus): string[] {
  return lines === 0 ? [] : [`${formatNumberOf(lines, 'line')} left out`];
}

function filesText({ progress }: LoadStatus): string {
  const failed = progress['error'] ?? 0;
  const done = `${formatCount(progress['done'] ?? 0)} of ${formatNumberOf(progress.total, 'file')}`;
  return failed === 0 ? done : `${done} (${formatCount(failed)} failed)`;
}

function ratesText({ rate }: LoadStatus): string {
  return `${formatCount(rate['resources-per-second'])} resources/s, ${formatBytes(rate['bytes-per-second'])}/s`;
}

function timeLeft(status: LoadStatus): string {
  const seconds = status['eta-seconds'];
  if (seconds !== undefined) return `about ${formatSeconds(seconds)} left`;
  const { progress, indexes } = status;
  if ((progress['pending'] ?? 0) + (progress['in-progress'] ?? 0) > 0) return 'no estimate yet';
  return indexes.length > 0 ? 'restoring indexes' : 'finishing';
}

/** Cut in the middle: the folder and the file's name both say which one it is, the name more. */
function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const start = Math.floor((length - 1) / 3);
  return `${text.slice(0, start)}…${text.slice(start + 1 - length)}`;
}

function watchLines({ watch }: LoadStatus): string[] {
  if (watch === undefined) return [];
  const next = `Listed every ${watch.every}, next at ${watch['next-listing-at']}.`;
  const failed = watch.failures > 0 ? 'The last listing failed: ' : '';
  return [watch.message === undefined ? next : `${next} ${failed}${watch.message}`];
}
