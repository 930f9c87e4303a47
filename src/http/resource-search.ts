import { ClientError } from '../errors/client-error.ts';
import type { Search, SearchFilter } from '../store/resources.ts';
import { CONTAINS, CONTROLS, OF_EVERY_ANSWER, parseQuery, QueryReader } from './query-reader.ts';
import type { RestFields } from './resource-fields.ts';

const DEFAULT_COUNT = 100;

/**
 * What the query string of a search asks for.
 * @throws ClientError of kind `invalid-params` that names every parameter and value that is not understood: left out,
 * `stauts=error` would find all files, and `status=eror` none
 */
export function parseSearch(fields: RestFields, query: unknown): Search {
  const reader = new QueryReader(fields);
  const given = parseQuery(query);
  const filters = reader.filters(given, Object.keys(CONTROLS), [CONTAINS]);
  const sort = reader.sort(given['_sort']);
  reader.check();
  const { _count: count = DEFAULT_COUNT, _page: page = 1 } = given;
  return { filters, sort, count: Number(count), page: Number(page) };
}

/**
 * The filters of a query string: `status=error`, `.status=error`, `.error.code=23505`, `_id=…`; several values
 * separated by commas mean any of them, a repeated parameter means all. A value's own comma is written `\,` as in FHIR's
 * searches, and so are `\|`, `\$` and `\\`. Nothing else is taken: a deletion with `_count=1` would delete all, one with
 * `file:contains=…` more than was thought of.
 * @throws ClientError as `parseSearch`
 */
export function parseFilters(fields: RestFields, query: unknown): SearchFilter[] {
  const reader = new QueryReader(fields);
  const filters = reader.filters(parseQuery(query), [], []);
  reader.check();
  return filters;
}

/**
 * For requests that are about one resource, named by its id.
 * @throws ClientError of kind `invalid-params` when they bring parameters
 */
export function refuseQuery(query: unknown): void {
  const names = Object.keys(parseQuery(query)).filter((name) => !OF_EVERY_ANSWER.has(name));
  if (names.length === 0) return;
  const errors = names.map((path) => ({ message: 'unknown parameter', path, type: 'unrecognized_keys' }));
  throw new ClientError('invalid-params', 'Invalid params', { errors });
}
