import { type Command, Option } from 'commander';
import { CliError, EXIT } from './exit-codes.ts';
import { ServerClient } from './server-client.ts';

/** For `--help` of the commands that talk to a server. */
export const SERVER_HELP = `
The server and its credentials:
  --url or FHIR_BUCKET_LOADER_URL   where the server is
  BOX_ROOT_CLIENT_SECRET            the client's secret; never an option, since others see those (ps)
  BOX_ROOT_CLIENT_ID                the client's id, root by default`;

/** Where the address of the server is set, for messages. */
const WHERE = '--url (or FHIR_BUCKET_LOADER_URL)';

/** Options of every command that talks to a server. */
export interface ServerOptions {
  url: string;
  json?: boolean;
}

/** Adds `--url` and `--json` to a command. */
export function withServerOptions(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', 'the server').env('FHIR_BUCKET_LOADER_URL').default('http://127.0.0.1:8888'))
    .option('--json', "print the server's answers as JSON, one a line")
    .addHelpText('after', SERVER_HELP);
}

/** @throws CliError when the address is none; it never shows what may hold a secret */
export function clientOf({ url }: ServerOptions, environment: NodeJS.ProcessEnv = process.env): ServerClient {
  const secret = environment['BOX_ROOT_CLIENT_SECRET'] ?? '';
  const id = environment['BOX_ROOT_CLIENT_ID'] ?? '';
  return new ServerClient({
    url: addressOf(url),
    client: secret === '' ? undefined : { id: id === '' ? 'root' : id, secret },
  });
}

function addressOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url !== undefined && /^https?:$/.test(url.protocol);
  // Where it is mistyped, anything before an @ may be a secret.
  if (isHttp ? url.username + url.password !== '' : text.includes('@'))
    throw new CliError(
      EXIT.usage,
      `Set credentials with BOX_ROOT_CLIENT_ID and BOX_ROOT_CLIENT_SECRET, not in ${WHERE}.`,
    );
  if (!isHttp) throw new CliError(EXIT.usage, `${WHERE} must have the form http://host:port`);
  // Paths of calls are put in its place, so that it would be lost.
  if (/[?#]/.test(text)) throw new CliError(EXIT.usage, `${WHERE} must end before any ? or #`);
  return url.href;
}
