import { Command, Option } from 'commander';
import { bucketArgument } from '../bucket-argument.ts';
import { formatBytes, formatCount, formatNumberOf, formatTable } from '../format.ts';
import { printJson, printLines } from '../print-lines.ts';
import type { File } from '../server-client.ts';
import { clientOf, type ServerOptions, withServerOptions } from '../server-options.ts';

interface FilesOptions extends ServerOptions {
  failed?: boolean;
  status?: string;
}

const EXAMPLES = `
Examples:
  $ fhir-bucket-loader files s3://hospital --failed
  $ fhir-bucket-loader files s3://hospital --status pending
  $ fhir-bucket-loader files s3://hospital --json | jq -r 'select(.error.code == "23505") | .file'`;

/** `files s3://bucket`: the bucket's LoaderFiles. */
export function filesCommand(): Command {
  const command = new Command('files')
    .description("List a bucket's files with their states, sizes, and why they failed.")
    .addArgument(bucketArgument())
    .option('--failed', 'only failed files')
    .addOption(
      new Option('--status <status>', 'only files of this status')
        .choices(['pending', 'in-progress', 'done', 'error', 'skiped'])
        .conflicts('failed'),
    );
  return withServerOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (bucket: string, options: FilesOptions) => {
      const client = clientOf(options);
      let count = 0;
      for await (const files of client.files(bucket, options.failed === true ? 'error' : options.status)) {
        if (options.json === true) for (const file of files) printJson(file);
        else printLines(tableOf(files, count === 0));
        count += files.length;
      }
      if (options.json !== true && process.stdout.isTTY) printLines([formatNumberOf(count, 'file')]);
    });
}

function tableOf(files: readonly File[], withHead: boolean): string[] {
  const rows = files.map(({ file, status, type, size, loaded, message = '' }) => [
    status,
    file,
    type,
    formatBytes(size),
    loaded === undefined ? '' : formatCount(loaded),
    message,
  ]);
  const lines = formatTable([['STATUS', 'FILE', 'TYPE', 'SIZE', 'RESOURCES', 'MESSAGE'], ...rows]);
  return withHead ? lines : lines.slice(1);
}
