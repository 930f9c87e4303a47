import { quotedTable } from '../../../src/store/resource-tables.ts';
import { CSV_COLUMNS, csvPath, prepareCsvFiles, whyNoCsv } from './csv-files.ts';
import type { Rival } from './rival.ts';
import { starts } from './run-program.ts';

const COLUMNS = CSV_COLUMNS.join(', ');

/** Debian's pgloader, on CSV that was made before: it takes no JSON. Its commands come by standard input. */
export const pgloader: Rival = {
  name: 'pgloader',
  what: 'pgloader, from local CSV made beforehand',
  whyNot: () => (starts('pgloader', '--version') ? whyNoCsv() : 'pgloader is not installed'),
  prepare: ({ threads }, data) => prepareCsvFiles(data, threads),
  commands: {
    each(file, { database: { address } }) {
      const at = address.host.startsWith('/') ? `unix:${address.host}` : address.host;
      const load = `LOAD CSV FROM '${csvPath(file)}' (${COLUMNS})
        INTO postgresql://${address.user}@${at}:${address.port}/${address.database}
        TARGET TABLE public.${quotedTable(file.type)} (${COLUMNS})
        WITH fields optionally enclosed by '"', fields escaped by double-quote, fields terminated by ',';`;
      return { program: 'bash', args: ['-c', 'pgloader --no-ssl-cert-verification /dev/stdin <<< "$1"', 'bash', load] };
    },
  },
};
