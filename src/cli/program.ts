import { Command, CommanderError } from 'commander';
import { plainLines } from '../text/plain-text.ts';
import { readVersion } from '../version.ts';
import { commandName } from './command-name.ts';
import { cancelCommand } from './commands/cancel-command.ts';
import { configCommand } from './commands/config-command.ts';
import { convertCommand } from './commands/convert-command.ts';
import { demoCommand } from './commands/demo-command.ts';
import { filesCommand } from './commands/files-command.ts';
import { historyCommand } from './commands/history-command.ts';
import { loadCommand } from './commands/load-command.ts';
import { retryCommand } from './commands/retry-command.ts';
import { serveCommand } from './commands/serve-command.ts';
import { statusCommand } from './commands/status-command.ts';
import { unwatchCommand } from './commands/unwatch-command.ts';
import { watchCommand } from './commands/watch-command.ts';
import { CliError, EXIT, EXIT_CODES_HELP } from './exit-codes.ts';
import { findUnknown } from './find-unknown.ts';
import { SERVER_HELP } from './server-options.ts';

const FIRST_STEPS = `
First steps:
  $ fhir-bucket-loader demo                              see a load from nothing
  $ fhir-bucket-loader serve                             run the server; its live page is at http://127.0.0.1:8888/
  $ fhir-bucket-loader load s3://hospital --follow       load a bucket
  $ fhir-bucket-loader help load                         all options of a load`;

// commander, and not node:util's parseArgs: it has the subcommands, the help of each, and hints at typing errors.
const program = new Command('fhir-bucket-loader')
  .description('Loads buckets of FHIR ndjson(.gz, .zst) files into Postgres, each file exactly once.')
  .version(readVersion())
  .showHelpAfterError(`(${commandName()} --help for usage)`)
  .addHelpText('after', `${FIRST_STEPS}\n${SERVER_HELP}\n${EXIT_CODES_HELP}`);

for (const command of [
  loadCommand(),
  statusCommand(),
  filesCommand(),
  historyCommand(),
  retryCommand(),
  cancelCommand(),
  watchCommand(),
  unwatchCommand(),
  convertCommand(),
  serveCommand(),
  configCommand(),
  demoCommand(),
]) {
  refuseRepeats(command.copyInheritedSettings(program).exitOverride());
  command.showHelpAfterError(`(${commandName()} ${command.name()} --help for usage)`);
  program.addCommand(command);
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that has seen enough (`| head`) is not an error; a full disk is.
  if (error.code === 'EPIPE') process.exit();
  process.stderr.write(`The output cannot be written: ${error.message}\n`);
  process.exit(EXIT.usage);
});

try {
  const args = process.argv.slice(2);
  await program.exitOverride().parseAsync(findUnknown(program, args) ?? args, { from: 'user' });
} catch (error) {
  if (error instanceof CommanderError) {
    // Already said by commander itself.
    process.exitCode = error.exitCode;
  } else if (error instanceof CliError) {
    process.stderr.write(`${plainLines(error.message)}\n`);
    process.exitCode = error.exitCode;
  } else {
    throw error;
  }
}

/** Of an option that is given twice, all values but the last would be lost without a word; those that collect are arrays. */
function refuseRepeats(command: Command): void {
  for (const option of command.options.filter(({ required }) => required)) {
    let given = false;
    command.on(`option:${option.name()}`, () => {
      if (given && !Array.isArray(command.getOptionValue(option.attributeName())))
        command.error(`error: option '${option.flags}' may be given only once`);
      given = true;
    });
  }
}
