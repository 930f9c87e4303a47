import { z } from 'zod';
import { ClientError } from '../errors/client-error.ts';
import type { SearchFilter } from '../store/resources/search-condition.ts';
import type { Search, SearchSort } from '../store/resources/search-resources.ts';

const DEFAULT_COUNT = 100;
const MOST_COUNT = 1000;

/** Parameters that say how to answer, not what to find. */
const CONTROLS = new Set(['_count', '_page', '_sort', '_format', '_total', '_pretty', '_timeout']);

const querySchema = z.record(z.string(), z.union([z.string(), z.array(z.string())]));
const pageSchema = z.object({
  _count: z.coerce.number().int().min(0).max(MOST_COUNT).default(DEFAULT_COUNT),
  _page: z.coerce.number().int().min(1).max(1_000_000).default(1),
});

/** What the query string of a search asks for. Throws ClientError of kind `invalid-params`. */
export function parseSearch(query: unknown): Search {
  const given = querySchema.parse(query);
  const page = pageSchema.safeParse(given);
  if (!page.success) {
    const errors = page.error.issues.map(({ message, path, code }) => ({ message, path: path.join('.'), type: code }));
    throw new ClientError('invalid-params', 'Invalid params', { errors });
  }
  const sort = [given['_sort'] ?? []].flat().flatMap((fields) => fields.split(',').map(toSort));
  return { filters: parseFilters(given), sort, count: page.data._count, page: page.data._page };
}

/**
 * The filters of a query string: `status=error`, `.status=error`, `.error.code=23505`, `_id=…`; several values
 * separated by commas mean any of them, a repeated parameter means all. A value's own comma is written `\,` as in FHIR's
 * searches, and so are `\|`, `\$` and `\\`.
 */
export function parseFilters(query: unknown): SearchFilter[] {
  return Object.entries(querySchema.parse(query)).flatMap(([name, value]) => {
    if (CONTROLS.has(name)) return [];
    const path = toPath(name);
    return [value].flat().map((values) => ({ path, values: splitValues(values) }));
  });
}

function splitValues(text: string): string[] {
  const values: string[] = [];
  let value = '';
  // An escaped character, which may be a comma, or any other one.
  for (const [piece] of text.matchAll(/\\.|./gs)) {
    if (piece === ',') {
      values.push(value);
      value = '';
    } else value += /^\\[,|$\\]$/.test(piece) ? piece.slice(1) : piece;
  }
  return [...values, value];
}

function toSort(field: string): SearchSort {
  const descending = field.startsWith('-');
  return { path: toPath(descending ? field.slice(1) : field, true), descending };
}

function toPath(name: string, sort = false): string[] {
  if (/^_(lastUpdated|createdAt|id)$/.test(name)) return [sort ? name : name.slice(1)];
  if (!/^\.?[A-Za-z][\w-]*(\.[\w-]+)*$/.test(name)) {
    const errors = [{ message: 'is no field name', path: name, type: 'unrecognized_keys' }];
    throw new ClientError('invalid-params', 'Invalid params', { errors });
  }
  return name.replace(/^\./, '').split('.');
}
