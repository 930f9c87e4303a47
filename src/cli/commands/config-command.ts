import { Command } from 'commander';
import { readConfig } from '../../config.ts';
import { ConfigError } from '../../errors/start-error.ts';
import { describeSettings } from '../../settings-report.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { formatTable } from '../format.ts';

const EXPLANATION = `
These are the settings of a server started in this environment, not of one that runs elsewhere. Secrets are not shown.`;

/** `config`: every setting, its value and where that comes from. */
export function configCommand(): Command {
  return new Command('config')
    .description('Show every setting of the server, its value here, and where that comes from.')
    .option('--json', 'print them as JSON, one a line')
    .addHelpText('after', EXPLANATION)
    .action(({ json }: { json?: boolean }) => {
      const settings = describeSettings(process.env);
      const lines =
        json === true
          ? settings.map((setting) => JSON.stringify(setting))
          : formatTable([
              ['SETTING', 'VALUE', 'FROM'],
              ...settings.map(({ name, value = '', from }) => [name, value, from]),
            ]);
      process.stdout.write(`${lines.join('\n')}\n`);
      try {
        const { database } = readConfig(process.env);
        if (json === true) return;
        const { host, port, user, database: name } = database ?? {};
        const place = `${name} on ${host}:${port} as ${user}`;
        process.stdout.write(`\nThe database is ${database === undefined ? 'an embedded Postgres' : place}.\n`);
      } catch (error) {
        if (error instanceof ConfigError) throw new CliError(EXIT.usage, error.message);
        throw error;
      }
    });
}
