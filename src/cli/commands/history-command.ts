import { Command, InvalidArgumentError, Option } from 'commander';
import { optionalBucketArgument } from '../bucket-argument.ts';
import { EXIT_CODES_HELP } from '../exit-codes.ts';
import { printJson, printLines } from '../print-lines.ts';
import { exitCodeOfRun, readRuns } from '../run-history.ts';
import { runDetails, runTable } from '../run-text.ts';
import { clientOf, type ServerOptions, withServerOptions } from '../server-options.ts';

interface HistoryOptions extends ServerOptions {
  limit?: number;
  run?: number;
}

const LIMIT = 20;
const PLAIN_COLUMNS = 100;

const EXAMPLES = `
A run is a load of a bucket, from its first call until its last replica has ended. With --run the exit code is how that run
ended: 2, 3 or 5 as above. Without it, failed runs do not count as an error.

Examples:
  $ fhir-bucket-loader history
  $ fhir-bucket-loader history s3://hospital --limit 5
  $ fhir-bucket-loader history --run 41
  $ fhir-bucket-loader history --json | jq -r 'select(.state != "completed") | .bucket'`;

/** `history [s3://bucket]`: fhir-bucket-loader/history. */
export function historyCommand(): Command {
  const command = new Command('history')
    .description(
      'List the runs of a bucket, or of all: who loaded what, when, how it ended, how fast. The latest first.',
    )
    .addArgument(optionalBucketArgument())
    .option('--limit <n>', `most runs (${LIMIT})`, toNumber)
    .addOption(
      new Option('--run <number>', 'all of one run: its calls, failures and rates')
        .argParser(toNumber)
        .conflicts('limit'),
    );
  return withServerOptions(command)
    .addHelpText('after', `${EXIT_CODES_HELP}\n${EXAMPLES}`)
    .action(async (bucket: string | undefined, options: HistoryOptions) => {
      const { run, limit = LIMIT, json } = options;
      if (run !== undefined && bucket !== undefined) command.error('error: --run names one run, of whatever bucket');
      const client = clientOf(options);
      const columns = process.stdout.isTTY ? process.stdout.columns : PLAIN_COLUMNS;
      let count = 0;
      for await (const runs of readRuns(client, { bucket, run, limit })) {
        if (json === true) for (const each of runs) printJson(each);
        else if (run === undefined) printLines(runs.length === 0 ? [] : runTable(runs, count === 0));
        else printLines(runs.flatMap((each) => runDetails(each, columns)));
        count += runs.length;
        const [only] = runs;
        if (run !== undefined && only !== undefined) process.exitCode = exitCodeOfRun(only);
      }
      const none = 'No run is recorded yet. See: fhir-bucket-loader load --help';
      if (count === 0) printLines([none], json === true ? process.stderr : process.stdout);
    });
}

function toNumber(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1 on.');
  return Number(text);
}
