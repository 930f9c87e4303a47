import { ACCESS_TYPES, type LoadableTypes } from '../fhir/loadable-types.ts';
import { FHIR_RESOURCE_TYPES } from '../fhir/resource-types.ts';
import { textProblem } from '../text/storable-text.ts';

/** What the values of a field look like; a search for anything else would find nothing, and look as if nothing were there. */
export type FieldKind = 'text' | 'bucket' | 'resourceType' | 'integer' | 'dateTime' | 'boolean' | readonly string[];

/** The resources that clients read and delete over REST. */
export const REST_TYPES = ['LoaderFile', 'DisabledIndex', 'LoaderError'] as const;
export type RestType = (typeof REST_TYPES)[number];

const SOURCES = ['postgres', 'aws', 'aidbox'];

/** The fields of each resource that can be searched and sorted by, besides its id. */
const FIELDS: Readonly<Record<RestType, Readonly<Record<string, FieldKind>>>> = {
  LoaderFile: {
    bucket: 'bucket',
    file: 'text',
    type: 'resourceType',
    size: 'integer',
    etag: 'text',
    // `skiped` is the vendor's spelling.
    status: ['pending', 'in-progress', 'done', 'error', 'skiped'],
    start: 'dateTime',
    end: 'dateTime',
    'last-modified': 'dateTime',
    loaded: 'integer',
    created: 'integer',
    updated: 'integer',
    unchanged: 'integer',
    older: 'integer',
    deleted: 'integer',
    missing: 'integer',
    'lines-left-out': 'integer',
    message: 'text',
    'error.source': SOURCES,
    'error.code': 'text',
  },
  DisabledIndex: {
    bucket: 'bucket',
    schemaname: 'text',
    tablename: 'text',
    tablespace: 'text',
    indexname: 'text',
    indexdef: 'text',
    'constraint.name': 'text',
    'constraint.definition': 'text',
    'constraint.primary': 'boolean',
    status: ['disabled', 'restored'],
    'restore.start': 'dateTime',
    'restore.end': 'dateTime',
    'restore.duration': 'integer',
    message: 'text',
  },
  LoaderError: {
    'loader-file': 'text',
    bucket: 'bucket',
    file: 'text',
    type: 'resourceType',
    line: 'integer',
    offset: 'integer',
    'resource-id': 'text',
    source: SOURCES,
    code: 'text',
    message: 'text',
    text: 'text',
  },
};

/** The fields of one resource, as a search names them. */
export interface RestFields {
  type: RestType;
  /** Those of nested ones with a dot. */
  names: readonly string[];
  /** What the values of a field look like; undefined where the resource has no such field. */
  kind(name: string): FieldKind | undefined;
  /** What is wrong with a value that is searched for; undefined where nothing is. */
  problem(kind: FieldKind, value: string): string | undefined;
}

/** @param loadableTypes the types that a file can have besides FHIR's */
export function fieldsOf(type: RestType, loadableTypes: LoadableTypes): RestFields {
  const fields = FIELDS[type];
  return {
    type,
    names: Object.keys(fields),
    kind: (name) => (Object.hasOwn(fields, name) ? fields[name] : undefined),
    problem(kind, value) {
      const unstorable = textProblem(value);
      if (unstorable !== undefined) return unstorable;
      if (kind === 'resourceType') return typeProblem(value, loadableTypes);
      return typeof kind === 'string'
        ? PROBLEMS[kind](value)
        : unless(kind.includes(value), `one of ${kind.join(', ')}`);
    },
  };
}

const PROBLEMS: Readonly<
  Record<Exclude<FieldKind, readonly string[] | 'resourceType'>, (value: string) => string | undefined>
> = {
  text: () => undefined,
  bucket: bucketProblem,
  integer: (value) => unless(/^\d{1,18}$/.test(value), 'a whole number'),
  boolean: (value) => unless(value === 'true' || value === 'false', 'true or false'),
  dateTime: (value) =>
    unless(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value), 'a time as stored, 2026-01-31T12:00:00.000Z'),
};

function unless(fits: boolean, wanted: string): string | undefined {
  return fits ? undefined : `must be ${wanted}`;
}

/** `local` is what Aidbox writes for the files of its own machine. */
function bucketProblem(value: string): string | undefined {
  if (/^(s3:\/\/.|file:\/\/\/|local$)/.test(value)) return undefined;
  return `must be written as in the call: ${/^[\w.-]+$/.test(value) ? `s3://${value}` : 's3://<bucket-name> or file:///<folder>'}`;
}

function typeProblem(value: string, { named, everyTable }: LoadableTypes): string | undefined {
  const known = [...FHIR_RESOURCE_TYPES, ...ACCESS_TYPES, ...named];
  if (known.includes(value)) return undefined;
  const spelled = known.find((type) => type.toLowerCase() === value.toLowerCase());
  if (spelled !== undefined) return `must be written ${spelled}`;
  if (everyTable) return undefined;
  return 'must be a resource type of FHIR, or one that LOADER_RESOURCE_TYPES names';
}
