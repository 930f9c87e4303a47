// @ts-check

/**
 * @typedef {{ view: 'loads', params: URLSearchParams } | { view: 'load', bucket: string }} Route
 */

/**
 * Where the address leads: `#/` the list, with `show`, `sort` and `find`; `#/load/s3%3A%2F%2Fbucket` a load.
 * @param {string} hash
 * @returns {Route}
 */
export function routeOf(hash) {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?', 2);
  if (path.startsWith('/load/')) {
    const bucket = decode(path.slice('/load/'.length));
    if (bucket !== '') return { view: 'load', bucket };
  }
  return { view: 'loads', params: new URLSearchParams(query) };
}

/** @param {string} bucket */
export function addressOfLoad(bucket) {
  return `#/load/${encodeURIComponent(bucket)}`;
}

/** @param {URLSearchParams} params */
export function addressOfList(params) {
  const query = params.toString();
  return query === '' ? '#/' : `#/?${query}`;
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
