import { ndjson } from '../support/ndjson.ts';
import type { Scene } from './steps.ts';
import { IN_FILE_ORDER, NEARLY_ALL_CHANGED, type Night, PARAMS, SOME_CHANGED } from './upsert-nights.ts';
import { RECREATED, type VersionScene, WITH_HISTORY } from './version-scenes.ts';

/** Of most files. */
export const TYPE = 'Basic';
const ROWS = 5_000;

/** What a scene's bucket holds, and what must become of it. */
export interface SceneData {
  /** By key. */
  files: Readonly<Record<string, SceneFile>>;
  params: object;
  /** What its file is a night of. */
  night?: Night;
  /** What its files do to versions of resources. */
  versions?: VersionScene;
}

export interface SceneFile {
  body: string;
  rows: number;
  /** What the ids of its rows begin with, before a number. */
  ids: string;
  /** Whether it has the same id twice, so that it must fail. */
  fails?: boolean;
  /** LoaderErrors of lines that are left out. */
  errors?: number;
}

const rowsOf = (count: number, pad: number, ids = 'r') =>
  Array.from({ length: count }, (_, n) => `${JSON.stringify({ id: `${ids}${n}`, note: 'x'.repeat(pad) })}\n`).join('');

/** The larger come first, the types in turn: the second of `TYPE`, which fails, is in the first batch, of eight. */
const BATCH_FILES: Readonly<Record<string, SceneFile>> = {
  [`${TYPE}.1.ndjson`]: { body: rowsOf(10, 60, 'e'), rows: 10, ids: 'e' },
  [`${TYPE}.2.ndjson`]: { body: `${rowsOf(9, 62, 'f')}${rowsOf(1, 62, 'f')}`, rows: 10, ids: 'f', fails: true },
  ...Object.fromEntries(
    Array.from({ length: 12 }, (_, n) => {
      const ids = `s${'abcdefghijkl'.charAt(n)}`;
      return [`${TYPE}.${n + 3}.ndjson`, { body: rowsOf(10, 50 - n, ids), rows: 10, ids }];
    }),
  ),
  'Practitioner.1.ndjson': { body: rowsOf(10, 60, 'k'), rows: 10, ids: 'k' },
  'Practitioner.2.ndjson': { body: rowsOf(10, 58, 'l'), rows: 10, ids: 'l' },
};

/** Above the size from which a file goes over several backends: three, so two besides the holder. */
const LARGE = rowsOf(ROWS, 900);
const SMALL = rowsOf(50, 20);

/** One line is no JSON, and Postgres refuses another. */
const LENIENT = `${rowsOf(20, 20)}{"id": \n${rowsOf(1, 9)}${rowsOf(50, 20)
  .split(/(?<=\n)/)
  .slice(20)
  .join('')}`;

/** Each refers to one of the practitioners that `PRACTITIONERS` makes. */
const REFERRING = Array.from({ length: 50 }, (_, n) => {
  const resource = { id: `r${n}`, subject: { reference: `Practitioner?identifier=s|${n % 7}` } };
  return `${JSON.stringify(resource)}\n`;
}).join('');

/** What the rows of `resolving` refer to. */
export const PRACTITIONERS = `
  insert into practitioner (id, txid, resource_type, status, resource)
  select 'd' || n, 1, 'Practitioner', 'created', jsonb_build_object('identifier', jsonb_build_array(jsonb_build_object('system', 's', 'value', n::text)))
    from generate_series(0, 6) n`;

export const SCENES: Readonly<Record<Scene, SceneData>> = {
  single: { files: oneFile(SMALL, 50), params: { 'thread-num': 3 } },
  batch: { files: BATCH_FILES, params: { 'thread-num': 1 } },
  partitioned: { files: oneFile(LARGE, ROWS), params: { 'thread-num': 3 } },
  direct: { files: oneFile(SMALL, 50), params: { 'thread-num': 1 } },
  resolving: {
    files: oneFile(REFERRING, 50),
    params: { 'thread-num': 1, 'resolve-references?': true },
  },
  upsert: nightly(SOME_CHANGED),
  rewritten: nightly(NEARLY_ALL_CHANGED),
  'file-order': nightly(IN_FILE_ORDER),
  versions: versionsOf(RECREATED),
  history: versionsOf(WITH_HISTORY),
  lenient: {
    files: { [`${TYPE}.ndjson`]: { body: LENIENT, rows: 50, ids: 'r', errors: 2 } },
    params: { 'thread-num': 1, 'max-errors': 3 },
  },
  // The other file is smaller, and so begun later.
  early: {
    files: { ...oneFile(SMALL, 50), 'Practitioner.ndjson': { body: rowsOf(20, 1, 'k'), rows: 20, ids: 'k' } },
    params: { 'thread-num': 1, 'disable-idx?': true, 'drop-primary-key?': true },
  },
  finish: {
    files: oneFile(SMALL, 50),
    params: { 'thread-num': 1, 'disable-idx?': true, 'drop-primary-key?': true },
  },
};

function nightly(night: Night): SceneData {
  return { files: oneFile(ndjson(night.next), night.next.length), params: PARAMS, night };
}

function versionsOf(versions: VersionScene): SceneData {
  const files = Object.entries(versions.files).map(([key, { body }]) => [key, { body, rows: 0, ids: '' }]);
  return { files: Object.fromEntries(files), params: versions.params, versions };
}

function oneFile(body: string, rows: number): Readonly<Record<string, SceneFile>> {
  return { [`${TYPE}.ndjson`]: { body, rows, ids: 'r' } };
}
