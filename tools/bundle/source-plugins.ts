import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * Reads the program's own sources, so that they find what they look for beside themselves (`import.meta.url`) in a folder that
 * mirrors the checkout, one level above the bundle. And of zod they take the names they use: `{ z }` holds all, with its 50 languages.
 */
export function ownSources(root: string): Plugin {
  const own = ['src', 'demo'].map((folder) => join(root, folder, '/'));
  return {
    name: 'own-sources',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (!own.some((folder) => path.startsWith(folder))) return undefined;
        const place = relative(root, path).replaceAll('\\', '/').replace(/\.ts$/, '.js');
        const text = await readFile(path, 'utf8');
        const contents = text
          .replaceAll('import.meta.url', `new URL('../${place}', import.meta.url).href`)
          .replace(/^import \{ z \} from 'zod';$/m, "import * as z from 'zod';");
        return { contents, loader: 'ts' };
      });
    },
  };
}

/** Has `src/server.ts` import what runs the server's kept code, instead of the sources themselves. */
export function keptServer(root: string): Plugin {
  return {
    name: 'kept-server',
    setup(build) {
      build.onResolve({ filter: /^\.\/run-server\.ts$/ }, ({ importer }) =>
        importer === join(root, 'src', 'server.ts')
          ? { path: join(root, 'tools', 'bundle', 'kept', 'run-server.ts') }
          : undefined,
      );
    },
  };
}

/** An empty map, in the form in which a file has one inside. */
const NO_MAP = `//# sourceMappingURL=data:application/json;base64,${Buffer.from('{"version":3,"sources":[""],"mappings":"A"}').toString('base64')}`;

/** Keeps the packages' code out of the source map, which then names the program's own lines alone and is a third as long. */
export function packagesWithoutMap(): Plugin {
  return {
    name: 'packages-without-map',
    setup(build) {
      build.onLoad({ filter: /[\\/]node_modules[\\/].*\.[cm]?js$/ }, async ({ path }) => ({
        contents: `${await readFile(path, 'utf8')}\n${NO_MAP}`,
        loader: 'js',
      }));
    },
  };
}
