import type { DryRunReport } from '../load/dry-run/dry-run-report.ts';
import { numberOf } from './number-of.ts';

/** What a dry run has found, in sentences. */
export function describeDryRun({ files, types, deletions, lines, ...report }: DryRunReport): string {
  const unfit = types.filter(({ problems }) => problems.length > 0);
  const { error: failed = 0, new: fresh = 0, changed = 0 } = files;
  return [
    [
      numberOf(fresh, 'new file'),
      ...(changed === 0 ? [] : [numberOf(changed, 'changed file')]),
      `${numberOf(report['files-to-load'], 'file')} would be loaded.`,
    ].join('; '),
    ...describeChoices(types),
    ...unfit.map(({ type, problems }) => `Files of ${type} would fail: ${problems.join('; ')}.`),
    ...(deletions === undefined
      ? []
      : [`${numberOf(deletions.files, 'file')} of them ${deletions.files === 1 ? 'lists' : 'list'} deletions.`]),
    ...(deletions?.problems ?? []).map((problem) => `Deletions would fail: ${problem}.`),
    ...(failed === 0
      ? []
      : [
          `${numberOf(failed, 'failed file')} would not be loaded; aidbox.bulk/load-from-bucket-retry queues such files.`,
        ]),
    ...(lacksDisk(report.disk) ? ['The disk has less room than is needed.'] : []),
    ...(lines === undefined ? [] : [describeLines(lines)]),
  ].join(' ');
}

function describeChoices(types: DryRunReport['types']): string[] {
  return types.flatMap(({ type, 'index-choice': choice }) =>
    choice === undefined ? [] : [`Indexes of ${type} would be ${choice.indexes}. ${choice.reason}`],
  );
}

function lacksDisk({ 'needed-bytes': needed = 0, 'free-bytes': free = Infinity }: DryRunReport['disk']): boolean {
  return needed > free;
}

function describeLines(lines: NonNullable<DryRunReport['lines']>): string {
  const found = [
    numberOf(lines['bad-lines-count'], 'bad line'),
    numberOf(lines['unreadable-files-count'], 'unreadable file'),
    `${numberOf(lines['ids-in-two-files-count'], 'id')} in more than one file`,
    `${numberOf(lines['ids-twice-in-one-file-count'], 'id')} more than once in a file`,
  ];
  const toFail = lines['files-to-fail-count'];
  const failing = toFail === 0 ? '' : ` ${numberOf(toFail, 'file')} would fail.`;
  return `${numberOf(lines.files, 'file')} read, ${numberOf(lines.resources, 'resource')}: ${found.join(', ')}.${failing}`;
}
