import type { Search } from '../store/resources.ts';

/** A link of a Bundle (FHIR R4, "Paging"). */
export interface BundleLink {
  relation: 'self' | 'first' | 'previous' | 'next' | 'last';
  url: string;
}

/**
 * The links of a page of a search: itself, and the pages to go to from it. A page that only counts (`_count=0`) leads nowhere.
 * @param url path and query of the request
 * @param total how many resources match in all
 */
export function pageLinks(url: string, { count, page }: Pick<Search, 'count' | 'page'>, total: number): BundleLink[] {
  const self: BundleLink = { relation: 'self', url };
  if (count === 0) return [self];
  const last = Math.max(1, Math.ceil(total / count));
  const link = (relation: BundleLink['relation'], to: number): BundleLink => ({ relation, url: withPage(url, to) });
  return [
    self,
    link('first', 1),
    // Beyond the last page, back to it.
    ...(page > 1 ? [link('previous', Math.min(page - 1, last))] : []),
    ...(page < last ? [link('next', page + 1)] : []),
    link('last', last),
  ];
}

/** The URL with its `_page` replaced; all else stays as it was written. */
function withPage(url: string, page: number): string {
  const [path = '', query = ''] = url.split('?', 2);
  const others = query.split('&').filter((part) => part !== '' && !/^_page(=|$)/.test(part));
  return `${path}?${[...others, `_page=${page}`].join('&')}`;
}
