import { z } from 'zod';
import { EXIT } from './exit-codes.ts';
import { formatBytes, formatCount, formatNumberOf, formatSeconds, formatTable } from './format.ts';
import { printJson, printLines } from './print-lines.ts';
import { type ServerClient, ServerError } from './server-client.ts';

const linesSchema = z.looseObject({
  'bad-lines': z.array(z.object({ file: z.string(), message: z.string() }).loose()),
  'bad-lines-count': z.number(),
  'unreadable-files': z.array(z.object({ file: z.string(), message: z.string() }).loose()),
  'unreadable-files-count': z.number(),
  'files-to-fail-count': z.number(),
  'repeated-ids-count': z.number(),
  'repeated-ids': z.array(
    z.looseObject({
      type: z.string(),
      id: z.string(),
      places: z.array(z.object({ file: z.string(), line: z.number() }).loose()),
    }),
  ),
});

/** What the command line reads of a dry run's answer. */
const answerSchema = z.looseObject({
  message: z.string(),
  'dry-run': z.looseObject({
    'files-to-load': z.number(),
    'first-files': z.array(z.unknown()),
    bytes: z.number(),
    'ignored-files-count': z.number(),
    'ignored-files': z.array(z.object({ file: z.string(), reason: z.string() }).loose()),
    types: z.array(
      z.looseObject({
        type: z.string(),
        files: z.number(),
        bytes: z.number(),
        resources: z.number().optional(),
        table: z.string(),
        'table-exists': z.boolean(),
        problems: z.array(z.string()),
      }),
    ),
    deletions: z.looseObject({ files: z.number(), bytes: z.number(), problems: z.array(z.string()) }).optional(),
    estimate: z.looseObject({ resources: z.number().optional(), seconds: z.number().optional(), basis: z.string() }),
    disk: z.looseObject({
      'database-bytes': z.number(),
      'needed-bytes': z.number().optional(),
      'free-bytes': z.number().optional(),
      basis: z.string(),
    }),
    lines: linesSchema.optional(),
  }),
});
type DryRun = z.infer<typeof answerSchema>['dry-run'];

/** Of the params, what the exit code depends on. */
interface DryRunParams {
  readonly [name: string]: unknown;
  'drop-primary-key?'?: boolean | undefined;
}

/**
 * Asks for a dry run, waits for it, and prints what it says. Ctrl-C ends it: the server stops reading.
 * @returns the exit code: whether files would fail
 */
export async function dryRun(
  client: ServerClient,
  params: DryRunParams,
  { json }: { json?: boolean },
): Promise<number> {
  const answer = await client.rpc('aidbox.bulk/load-from-bucket', params);
  const parsed = answerSchema.safeParse(answer);
  if (!parsed.success) {
    throw new ServerError('The answer is not one that this version of the command line knows.', false);
  }
  const { message, 'dry-run': report } = parsed.data;
  if (json === true) printJson(answer);
  else printLines([message, ...tables(report), ...estimates(report), ...faults(report)]);
  const isUnfit =
    report.types.some(({ problems }) => problems.length > 0) || (report.deletions?.problems ?? []).length > 0;
  const willFail = isUnfit || hasFaults(report, params);
  return willFail ? EXIT.failedFiles : EXIT.ok;
}

function tables({ types }: DryRun): string[] {
  if (types.length === 0) return [];
  const head = ['TYPE', 'FILES', 'SIZE', 'RESOURCES', 'TABLE', 'STATE'];
  const rows = types.map(({ type, files, bytes, resources, table, problems, ...rest }) => [
    type,
    formatCount(files),
    formatBytes(bytes),
    resources === undefined ? '?' : `~${formatCount(resources)}`,
    table,
    problems.length > 0 ? problems.join('; ') : rest['table-exists'] ? 'fits' : 'will be created',
  ]);
  return formatTable([head, ...rows]);
}

function estimates({ estimate, disk }: DryRun): string[] {
  const { 'needed-bytes': needed, 'free-bytes': free, 'database-bytes': database } = disk;
  const amount = (bytes: number | undefined) => (bytes === undefined ? 'unknown' : formatBytes(bytes));
  return [
    `Time: ${estimate.seconds === undefined ? 'unknown' : `about ${formatSeconds(estimate.seconds)}`}. ${estimate.basis}`,
    `Disk: ${amount(needed)} needed, ${amount(free)} free; the database has ${formatBytes(database)}. ${disk.basis}`,
  ];
}

function faults({ lines, ...report }: DryRun): string[] {
  const more = (shown: number, all: number, noun: string) =>
    all > shown ? [`${formatNumberOf(all - shown, `more ${noun}`)}; all are counted, the first are named.`] : [];
  return [
    ...report['ignored-files'].map(({ file, reason }) => `ignored: ${file}: ${reason}`),
    ...more(report['ignored-files'].length, report['ignored-files-count'], 'ignored file'),
    ...(lines === undefined
      ? []
      : [
          ...lines['unreadable-files'].map(({ file, message }) => `unreadable: ${file}: ${message}`),
          ...more(lines['unreadable-files'].length, lines['unreadable-files-count'], 'unreadable file'),
          ...lines['bad-lines'].map(({ file, message }) => `bad line: ${file}: ${message}`),
          ...more(lines['bad-lines'].length, lines['bad-lines-count'], 'bad line'),
          ...lines['repeated-ids'].map(
            ({ type, id, places }) =>
              `repeated: ${type}/${id}: ${places.map(({ file, line }) => `${file} line ${line}`).join(', ')}`,
          ),
          ...more(lines['repeated-ids'].length, lines['repeated-ids-count'], 'repeated id'),
        ]),
  ];
}

function hasFaults({ lines }: DryRun, params: DryRunParams): boolean {
  if (lines === undefined) return false;
  // No file fails for them then, but the key does not come back.
  const keepsKeyAway = params['drop-primary-key?'] === true && lines['repeated-ids-count'] > 0;
  return lines['files-to-fail-count'] > 0 || keepsKeyAway;
}
