import { FileError } from './file-error.ts';

/**
 * Why a line of an ndjson file cannot become a row. Every resource needs an `id` (Aidbox's documentation, "Bulk import from
 * an S3 bucket"); the other checks keep a row out of another type's table, and JSON from being changed silently.
 */
export type LineFailure =
  | 'not-json'
  | 'not-an-object'
  | 'two-resources'
  | 'id-missing'
  | 'id-empty'
  | 'id-not-a-string'
  | 'id-too-long'
  | 'id-twice'
  | 'type-not-a-string'
  | 'type-twice'
  | 'type-differs'
  | 'line-too-long'
  | 'too-many-blank-lines'
  | 'two-forms'
  | 'nested-too-deep'
  | 'last-updated-invalid'
  | 'last-updated-missing'
  | 'not-a-deletion'
  | 'type-not-loadable';

/** FHIR R4 datatypes, `id`: at most 64 characters. */
export const MAX_ID_CHARACTERS = 64;

/** What a line's error names besides the line. */
export interface LineErrorDetail {
  /** The resource's id, where it was read before the failure was met. */
  id?: string | undefined;
  /** Of `type-differs`: the type in the file's name. */
  expectedType?: string | undefined;
  /** Of `line-too-long`: in bytes; of `too-many-blank-lines`: how many. */
  limit?: number;
  /** Where in the resource, as a FHIR path: `Observation.component[0].valueQuantity`. */
  path?: string;
  /** Of `not-a-deletion`: what is wrong there. */
  reason?: string | undefined;
  /** Of `two-forms`: the keys that say one thing. */
  keys?: readonly [string, string];
}

/** A bad line, by its 1-based number in the file, so that a person can open the file there. */
export class LineError extends FileError {
  override readonly name = 'LineError';
  override readonly line: number;
  readonly failure: LineFailure;
  /** The resource's id, where it was read before the failure was met. */
  readonly id: string | undefined;

  constructor(failure: LineFailure, line: number, detail: LineErrorDetail) {
    const id = detail.id === undefined ? '' : `, id ${JSON.stringify(detail.id)}`;
    const path = detail.path === undefined ? '' : `, ${detail.path}`;
    super(`line ${line}${id}${path}: ${explain(failure, detail)}`, { source: 'aidbox', code: failure, line });
    this.line = line;
    this.failure = failure;
    this.id = detail.id;
  }
}

function explain(failure: LineFailure, { expectedType, limit, keys, reason }: LineErrorDetail): string {
  switch (failure) {
    case 'not-json':
      return 'the line is not valid JSON';
    case 'not-an-object':
      return 'the line is not a JSON object; a resource is one object on one line';
    case 'two-resources':
      return 'there are two resources on one line; each needs a line of its own';
    case 'id-missing':
      return 'the resource has no "id"; every resource needs one';
    case 'id-empty':
      return '"id" is an empty string';
    case 'id-not-a-string':
      return '"id" must be a string';
    case 'id-too-long':
      return `"id" is longer than ${MAX_ID_CHARACTERS} characters`;
    case 'id-twice':
      return 'the resource has two "id" members';
    case 'type-not-a-string':
      return '"resourceType" must be a string';
    case 'type-twice':
      return 'the resource has two "resourceType" members';
    case 'type-differs':
      return `"resourceType" is not ${expectedType}, the type in the file's name`;
    case 'line-too-long':
      return `the line is longer than ${limit} bytes (LOADER_MAX_LINE_BYTES)`;
    case 'too-many-blank-lines':
      return `the file has more than ${limit} blank lines`;
    case 'two-forms':
      return keys?.[0] === keys?.[1]
        ? `"${keys?.[0]}" is written twice, and only one could be stored`
        : `"${keys?.[0]}" and "${keys?.[1]}" are two forms of one element, and only one could be stored`;
    case 'nested-too-deep':
      return 'the elements are nested too deeply to be converted; load the file with format: as-is';
    case 'not-a-deletion':
      return `the line is not a transaction Bundle of deletes alone (${reason}), as files of deletions hold with apply-deletions?`;
    case 'type-not-loadable':
      return `${expectedType} is not deleted unless the server's LOADER_RESOURCE_TYPES names it`;
    case 'last-updated-missing':
      return 'the resource has no "lastUpdated", which newest-wins? compares with what is stored';
    case 'last-updated-invalid':
      return '"lastUpdated" is not an instant, such as 2024-05-01T12:30:00.000Z; it was to be kept (keep-last-updated?)';
  }
}
