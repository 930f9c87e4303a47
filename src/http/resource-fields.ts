/** What the values of a field look like; a search for anything else would find nothing, and look as if nothing were there. */
export type FieldKind = 'text' | 'integer' | 'dateTime' | 'boolean' | readonly string[];

/** The resources that clients read and delete over REST. */
export const REST_TYPES = ['LoaderFile', 'DisabledIndex', 'LoaderError'] as const;
export type RestType = (typeof REST_TYPES)[number];

const SOURCES = ['postgres', 'aws', 'aidbox'];

/** The fields of each resource that can be searched and sorted by, besides its id. */
const FIELDS: Readonly<Record<RestType, Readonly<Record<string, FieldKind>>>> = {
  LoaderFile: {
    bucket: 'text',
    file: 'text',
    type: 'text',
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
    'lines-left-out': 'integer',
    message: 'text',
    'error.source': SOURCES,
    'error.code': 'text',
  },
  DisabledIndex: {
    bucket: 'text',
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
    bucket: 'text',
    file: 'text',
    type: 'text',
    line: 'integer',
    offset: 'integer',
    'resource-id': 'text',
    source: SOURCES,
    code: 'text',
    message: 'text',
    text: 'text',
  },
};

/** The names of a resource's fields, those of nested ones with a dot. */
export function fieldNames(type: RestType): string[] {
  return Object.keys(FIELDS[type]);
}

/** What the values of a field look like; undefined where the resource has no such field. */
export function fieldKind(type: RestType, name: string): FieldKind | undefined {
  return Object.hasOwn(FIELDS[type], name) ? FIELDS[type][name] : undefined;
}

/** What is wrong with a value that is searched for; undefined where nothing is. */
export function valueProblem(kind: FieldKind, value: string): string | undefined {
  if (typeof kind !== 'string') return kind.includes(value) ? undefined : `must be one of ${kind.join(', ')}`;
  if (value.includes('\0')) return 'must not contain U+0000';
  switch (kind) {
    case 'text':
      return undefined;
    case 'integer':
      return /^\d{1,18}$/.test(value) ? undefined : 'must be a whole number';
    case 'boolean':
      return value === 'true' || value === 'false' ? undefined : 'must be true or false';
    case 'dateTime':
      return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value)
        ? undefined
        : 'must be a time as stored, 2026-01-31T12:00:00.000Z';
  }
}
