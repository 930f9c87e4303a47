import { quotedTable } from '../../../src/store/resource-tables.ts';
import { CSV_COLUMNS, TO_CSV } from './csv-files.ts';
import type { Rival } from './rival.ts';
import { starts } from './run-program.ts';

const PIPE = `${TO_CSV} | psql -qX -v ON_ERROR_STOP=1 -c "$2"`;

/** What one would write in a shell: gunzip, jq and psql's COPY, several files at a time, from local files. */
export const jqPsql: Rival = {
  name: 'jq-psql',
  what: 'gunzip | jq | psql COPY, from local files',
  whyNot() {
    const missing = ['gunzip', 'jq', 'psql'].filter((program) => !starts(program, '--version'));
    return missing.length === 0 ? undefined : `${missing.join(', ')} not installed`;
  },
  commands: {
    each: ({ type, gzipPath }, { database: { address } }) => ({
      program: 'bash',
      args: [
        ...['-c', PIPE, 'bash', gzipPath],
        `copy ${quotedTable(type)} (${CSV_COLUMNS.join(', ')}) from stdin (format csv)`,
      ],
      env: {
        PGOPTIONS: '-c synchronous_commit=off',
        PGHOST: address.host,
        PGPORT: String(address.port),
        PGUSER: address.user,
        PGDATABASE: address.database,
        ...(address.password === undefined ? {} : { PGPASSWORD: address.password }),
      },
    }),
  },
};
