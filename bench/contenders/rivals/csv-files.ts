import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { atOnce } from '../../../src/indexes/at-once.ts';
import type { BenchData, BenchFile } from '../../dataset/bench-data.ts';
import { runProgram, starts } from './run-program.ts';

/** The columns of the CSV, in order. */
export const CSV_COLUMNS = ['txid', 'status', 'id', 'resource'] as const;

const JQ = `[1, "created", .id, (del(.id, .resourceType) | tojson)] | @csv`;

/** Shell that writes a file's rows as CSV to its standard output: what tools that take only CSV need first. */
export const TO_CSV = `set -o pipefail; gunzip -c "$1" | jq -r '${JQ}'`;

/** Why no CSV can be made on this machine, or undefined. */
export function whyNoCsv(): string | undefined {
  return starts('jq', '--version') ? undefined : 'jq is not installed';
}

/** Where the CSV of a file lies once `prepareCsvFiles` has made it. */
export function csvPath({ copyPath }: BenchFile): string {
  return join(dirname(dirname(copyPath)), 'csv', basename(copyPath).replace(/\.bin$/, '.csv'));
}

/** Makes the CSV files that are not in the cache. */
export async function prepareCsvFiles(data: BenchData, threads: number): Promise<void> {
  await atOnce(threads, data.files, async (file) => {
    const path = csvPath(file);
    if (existsSync(path)) return;
    await mkdir(dirname(path), { recursive: true });
    const unfinished = `${path}.unfinished-${process.pid}`;
    await runProgram({ program: 'bash', args: ['-c', `${TO_CSV} > "$2"`, 'bash', file.gzipPath, unfinished] });
    await rename(unfinished, path);
  });
}
