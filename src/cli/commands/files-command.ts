import { Command, Option } from 'commander';
import { bucketArgument } from '../bucket-argument.ts';
import { formatBytes, formatCount, formatNumberOf, formatTable } from '../format.ts';
import { readStatus } from '../load-status.ts';
import { printJson, printLines } from '../print-lines.ts';
import type { File, ServerClient } from '../server-client.ts';
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
      const wanted = options.failed === true ? 'error' : options.status;
      let count = 0;
      for await (const files of client.files(bucket, wanted)) {
        if (options.json === true) for (const file of files) printJson(file);
        else printLines(tableOf(files, count === 0));
        count += files.length;
      }
      // What is listed is data, for jq and awk: that there is none is not.
      if (count === 0) printLines([await sayNone(client, bucket, wanted)], process.stderr);
      else if (options.json !== true && process.stdout.isTTY) printLines([formatNumberOf(count, 'file')]);
    });
}

/** @throws ServerError where the bucket was never loaded */
async function sayNone(client: ServerClient, bucket: string, wanted: string | undefined): Promise<string> {
  const { progress } = await readStatus(client, bucket);
  if (progress.total === 0 || wanted === undefined) return `Bucket <${bucket}> has no file that could be loaded.`;
  const standing = wanted === 'error' ? 'has failed' : `is ${wanted}`;
  return `Of ${formatNumberOf(progress.total, 'file')} of bucket <${bucket}>, none ${standing}.`;
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
