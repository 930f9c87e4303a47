import { tableName } from '../../../src/store/resource-tables.ts';
import { libpqWords } from './connection.ts';
import { CSV_COLUMNS, csvPath, prepareCsvFiles, TO_CSV, whyNoCsv } from './csv-files.ts';
import type { Rival } from './rival.ts';
import { starts } from './run-program.ts';

const PROGRAM = 'timescaledb-parallel-copy';

const argsFor = (type: string, connection: string) => [
  ...['--connection', connection, '--table', tableName(type), '--columns', CSV_COLUMNS.join(), '--workers', '1'],
];

const whyNot = () => (starts(PROGRAM, '--version') ? whyNoCsv() : `${PROGRAM} is not installed`);

/** timescaledb-parallel-copy, on CSV that was made before. */
export const parallelCopy: Rival = {
  name: 'parallel-copy',
  what: `${PROGRAM}, from local CSV made beforehand`,
  whyNot,
  prepare: ({ threads }, data) => prepareCsvFiles(data, threads),
  commands: {
    each: (file, { database }) => ({
      program: PROGRAM,
      args: [...argsFor(file.type, libpqWords(database.address)), '--file', csvPath(file)],
    }),
  },
};

/** The same, the making of the CSV counted. */
export const parallelCopyWithCsv: Rival = {
  name: 'jq-parallel-copy',
  what: `gunzip | jq | ${PROGRAM}, from local files`,
  whyNot,
  commands: {
    each: ({ type, gzipPath }, { database }) => ({
      program: 'bash',
      args: [
        ...['-c', `${TO_CSV} | (shift; ${PROGRAM} "$@")`, 'bash', gzipPath],
        ...argsFor(type, libpqWords(database.address)),
      ],
    }),
  },
};
