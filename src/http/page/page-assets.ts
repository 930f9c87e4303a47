import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, sep } from 'node:path';

/** A file of the page, as it is sent. */
export interface PageAsset {
  path: string;
  contentType: string;
  etag: string;
  body: Buffer;
}

const FOLDER = new URL('./assets/', import.meta.url);

/** Files of other kinds in the folder are not for browsers. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Reads the page's files: `index.html` goes to `/`, the others to `/page/<name>`. Their ETags come from their content:
 * @fastify/static makes them from size and time, and every file of an npm package has the same time, so that a browser
 * would keep a script of the version before (tried with 10.1.11).
 */
export function readPageAssets(): PageAsset[] {
  const names = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll(sep, '/'));
  return names.flatMap((name) => {
    const contentType = CONTENT_TYPES[extname(name)];
    if (contentType === undefined) return [];
    const body = readFileSync(new URL(name, FOLDER));
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    return { path: name === 'index.html' ? '/' : `/page/${name}`, contentType, etag, body };
  });
}
