/** One filter of a search: any of `values` at `path` in the resource; the path `['id']` means the id column. */
export interface SearchFilter {
  path: readonly string[];
  values: readonly string[];
}

/** A where clause for the filters, and the values of its parameters `$1…`. */
export function searchCondition(filters: readonly SearchFilter[]): { where: string; values: unknown[] } {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const terms = filters.map(({ path, values: wanted }) =>
    path.length === 1 && path[0] === 'id'
      ? `id = any (${parameter(wanted)}::text[])`
      : `resource #>> ${parameter(path)}::text[] = any (${parameter(wanted)}::text[])`,
  );
  return { where: terms.length === 0 ? 'true' : terms.join(' and '), values };
}
