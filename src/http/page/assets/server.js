// @ts-check

/**
 * Calls an RPC method with the credentials that the page was opened with.
 * @template [Result={ message: string }]
 * @param {string} method
 * @param {object} params
 * @returns {Promise<Result>}
 * @throws {Error} with the server's words
 */
export async function call(method, params) {
  // A JSON body: another site's page cannot send it without asking first, and is then refused.
  const response = await fetch('rpc', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ method, params }),
  });
  const { result, error } = await response.json();
  if (error !== undefined) throw new Error(wordsOf(error));
  return result;
}

/**
 * @typedef {object} StoredFile the part of a LoaderFile that the page shows
 * @property {string} id
 * @property {string} [file]
 * @property {string} [type]
 * @property {number} [size]
 * @property {string} [status]
 * @property {string} [start]
 * @property {string} [end]
 * @property {number} [loaded]
 * @property {string} [message]
 * @property {{ source?: string, code?: string }} [error]
 */

/**
 * A page of a bucket's files.
 * @param {Readonly<Record<string, string>>} filters as the REST interface takes them
 * @param {{ count: number, page: number, sort: string }} which
 * @returns {Promise<{ total: number, files: StoredFile[] }>}
 */
export async function searchFiles(filters, { count, page, sort }) {
  const escaped = Object.entries(filters).map(([name, value]) => [name, value.replaceAll(/[\\,|$]/g, '\\$&')]);
  const query = new URLSearchParams([...escaped, ['_count', String(count)], ['_page', String(page)], ['_sort', sort]]);
  const response = await fetch(`LoaderFile?${query}`, { headers: { accept: 'application/json' } });
  const answer = await response.json();
  if (answer.error !== undefined) throw new Error(wordsOf(answer.error));
  return {
    total: answer.total,
    files: answer.entry.map((/** @type {{ resource: StoredFile }} */ { resource }) => resource),
  };
}

/** What went wrong, for the reader. @param {unknown} error */
export function reasonOf(error) {
  return error instanceof TypeError ? 'the server does not answer' : String(/** @type {Error} */ (error).message);
}

/** @param {{ message: string, errors?: { path: string, message: string }[] }} error */
function wordsOf({ message, errors = [] }) {
  return [message, ...errors.map(({ path, message: text }) => `${path} ${text}`)].join('; ');
}
