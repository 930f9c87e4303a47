import { FileError } from '../errors/file-error.ts';
import { MAX_ID_CHARACTERS } from '../errors/line-error.ts';
import { type Column, describeTable, hasUniqueId, type Relation } from './describe-table.ts';
import type { Queryable } from './query.ts';
import type { ResourceTable } from './resource-tables.ts';

interface Wanted {
  type: string;
  fits(column: Column): boolean;
}

/** With fewer digits it rounds: `newest-wins?` and the order of versions go by microseconds. */
const INSTANT: Wanted = {
  type: 'timestamp with time zone, to the microsecond',
  fits: ({ type }) => /^timestamp(\(6\))? with time zone$/.test(type),
};

/** Text, or at least as long as an id may be: a shorter one cuts trailing blanks off without a word. */
function isText({ type }: Column): boolean {
  const [, length] = /^(?:text|character varying(?:\((\d+)\))?)$/.exec(type) ?? [undefined, '0'];
  return length === undefined || Number(length) >= MAX_ID_CHARACTERS;
}

/** Not a domain over an enum: Postgres compares none with a label. */
function statusWith(...labels: string[]): Wanted {
  const list = labels.join(', ').replace(/, (\w+)$/, ' and $1');
  return {
    type: `an enum with ${list}`,
    fits: ({ declared, type, labels: has }) => declared === type && labels.every((label) => has.includes(label)),
  };
}

/** What the loader writes in binary form, where a column of another type of the same width would take it as it is. */
const WANTED: Readonly<Record<string, Wanted>> = {
  id: { type: 'text', fits: isText },
  txid: { type: 'bigint', fits: ({ type }) => type === 'bigint' },
  ts: INSTANT,
  cts: INSTANT,
  resource_type: { type: 'text', fits: isText },
  status: statusWith('created', 'updated'),
  resource: { type: 'jsonb', fits: ({ type }) => type === 'jsonb' },
};

/** The same of a table whose versions are kept, and of those versions; every column is written then. */
const WANTED_VERSIONS = { ...WANTED, status: statusWith('created', 'updated', 'deleted', 'recreated') };

/** Columns whose value comes from their default when a row is inserted. */
const BY_DEFAULT = ['ts', 'cts'];

const KINDS: Readonly<Record<string, string>> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
  S: 'a sequence',
  i: 'an index',
  I: 'an index',
  c: 'a composite type',
};

/** A table that cannot hold resources as they are; the message says what to alter. */
export class UnfitTable extends FileError {
  override readonly name = 'UnfitTable';

  constructor({ schema, name }: ResourceTable, problems: readonly string[]) {
    super(`the table ${schema}.${name} cannot be used: ${problems.join('; ')}`, {
      source: 'aidbox',
      code: 'unfit-table',
    });
  }
}

/** @throws UnfitTable with everything that keeps resources from being stored as they are */
export async function checkShape(db: Queryable, table: ResourceTable): Promise<void> {
  refuse(table, await shapeProblems(db, table));
}

/**
 * Checks that a table's versions can be kept.
 * @param history the table for them
 * @throws UnfitTable with everything that is wrong with one of the two
 */
export async function checkVersions(db: Queryable, table: ResourceTable, history: ResourceTable): Promise<void> {
  const problems = await versionProblems(db, table, history);
  refuse(table, problems.table);
  refuse(history, problems.history);
}

/** What keeps a table's versions from being kept: one phrase for each thing that is wrong with one of the two. */
export async function versionProblems(
  db: Queryable,
  table: ResourceTable,
  history: ResourceTable,
): Promise<{ table: string[]; history: string[] }> {
  const current = await describeTable(db, table);
  const kept = await describeTable(db, history);
  const statusOf = ({ columns }: Relation) => columns.find(({ name }) => name === 'status')?.declared;
  return {
    table: problemsOf(current, WANTED_VERSIONS, BY_DEFAULT),
    history: [
      ...problemsOf(kept, WANTED_VERSIONS, []),
      ...(statusOf(kept) === statusOf(current)
        ? []
        : [`column status is ${statusOf(kept)}, must be ${statusOf(current)} as in ${table.name}`]),
      ...((await hasUniqueId(db, history))
        ? ['id alone is unique in it, so that it would hold one version of each']
        : []),
    ],
  };
}

function refuse(table: ResourceTable, problems: readonly string[]): void {
  if (problems.length > 0) throw new UnfitTable(table, problems);
}

/**
 * What keeps rows of Aidbox's form from being stored in a table as they are: its kind, its columns' names and types,
 * row-level security, rules, tables that inherit from it. Without this check a `resource text` would take jsonb's bytes, and an `id uuid` 16 letters.
 * @returns one phrase for each thing that is wrong; none where the table will do
 */
export async function shapeProblems(db: Queryable, table: ResourceTable): Promise<string[]> {
  return problemsOf(await describeTable(db, table), WANTED, BY_DEFAULT);
}

function problemsOf(
  relation: Relation,
  wantedColumns: Readonly<Record<string, Wanted>>,
  byDefault: readonly string[],
): string[] {
  const kind = KINDS[relation.kind];
  if (kind !== undefined) return [`it is ${kind}, must be a table`];
  const columns = new Map(relation.columns.map((column) => [column.name, column]));
  return [
    ...(relation.unlogged ? ['it is unlogged, so that a crash of Postgres would empty it; set it logged'] : []),
    ...(relation.foreign ? ['a partition is a foreign table, whose rows do not commit with the file'] : []),
    ...(relation.secured ? ['row-level security applies to the role, must not; give the role bypassrls'] : []),
    ...(relation.inherited
      ? ['other tables inherit from it, whose ids its key does not cover; it must have no such']
      : []),
    ...relation.insertRules.map((name) => `COPY would not apply its rule ${name} on insert; drop or disable it`),
    ...Object.entries(wantedColumns).flatMap(([name, wanted]) =>
      columnProblems(name, wanted, columns.get(name), byDefault),
    ),
    ...relation.columns
      .filter(({ name, required, hasDefault }) => !(name in WANTED) && required && !hasDefault)
      .map(({ name }) => `column ${name} is not null and has no default; the loader does not write it`),
  ];
}

function columnProblems(
  name: string,
  wanted: Wanted,
  column: Column | undefined,
  byDefault: readonly string[],
): string[] {
  if (column === undefined) return [`column ${name} is missing, must be ${wanted.type}`];
  const { declared, type, generated, alwaysIdentity, deterministic, hasDefault } = column;
  if (!wanted.fits(column)) {
    const domain = declared === type ? '' : ` (a domain over ${type})`;
    return [`column ${name} is ${declared}${domain}, must be ${wanted.type}`];
  }
  if (generated) return [`column ${name} is generated, must be an ordinary column`];
  if (alwaysIdentity) return [`column ${name} is generated always as identity, must be an ordinary column`];
  if (name === 'id' && !deterministic) return ['column id takes different ids for equal (its collation)'];
  if (byDefault.includes(name) && !hasDefault) return [`column ${name} has no default, must have current_timestamp`];
  return [];
}
