import type { DatabaseAddress } from './store/connection-options.ts';

/** The text printed to a terminal once the server listens. */
export interface Started {
  version: string;
  /** `http://host:port` */
  url: string;
  database: DatabaseAddress;
  /** Whether the database is the embedded Postgres, which only this machine reaches. */
  embedded: boolean;
  /** The client's id, where calls need a secret. */
  clientId: string | undefined;
}

/** Where things are and what to do first; no secrets. Lines end without a line break. */
export function startBanner({ version, url, database, embedded, clientId }: Started): string[] {
  const { host, port, user, database: name } = database;
  const place = `-h ${quote(host)} -p ${port} -U ${quote(user)} -d ${quote(name)}`;
  const secret = clientId === undefined ? '' : ` -u ${clientId}:$BOX_ROOT_CLIENT_SECRET`;
  return [
    '',
    `fhir-bucket-loader ${version} is ready. Ctrl-C ends it.`,
    '',
    `  Live page  ${url}/`,
    `  RPC        curl${secret} ${url}/rpc --json '{"method": "aidbox.bulk/load-from-bucket", …}'`,
    `  Reference  ${url}/openrpc.json`,
    `  Database   ${embedded ? 'embedded Postgres, ' : ''}psql ${place}`,
    `  Try it     fhir-bucket-loader load s3://your-bucket --follow${defaultUrl(url) ? '' : ` --url ${url}`}`,
    '',
  ];
}

function defaultUrl(url: string): boolean {
  return url === 'http://127.0.0.1:8888';
}

/** As a shell takes it. */
function quote(text: string): string {
  return /^[\w./@:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
