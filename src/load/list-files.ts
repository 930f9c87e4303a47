import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { FileError } from '../errors/file-error.ts';
import { ListAgain } from '../source/list-again.ts';
import type { ObjectSource } from '../source/object-source.ts';
import type { NewLoaderFile } from '../store/loader-file/add-loader-files.ts';
import { textProblem } from '../text/storable-text.ts';
import type { KnownTypes } from './known-types.ts';
import { RepeatedKeys } from './repeated-keys.ts';
import { resourceTypeOfKey } from './resource-type-of-key.ts';

/** What a listing leaves out of the queue, for the answer. */
export interface ListingNotes {
  ignored: IgnoredFiles;
  withheld: WithheldFiles;
  /** Of the call's first prefixes, those that no key starts with; one empty one for an empty bucket. */
  emptyPrefixes: string[];
}

/** The objects of a bucket that are to be queued, and what is not. */
export interface FileListing extends ListingNotes {
  /** In pages, to be queued one by one; each once, however often the store lists it. */
  files(): Generator<NewLoaderFile[]>;
}

/** Files passed over because their names promise no resource type. */
export interface IgnoredFiles {
  count: number;
  /** Keys of the first few. */
  examples: string[];
  /** Whether the listing has no other file. */
  isAll: boolean;
}

/** Files passed over since LOADER_RESOURCE_TYPES does not name their type. */
export interface WithheldFiles {
  count: number;
  /** Keys of the first few. */
  examples: string[];
}

const MOST_EXAMPLES = 100;

/** Of the call's prefixes, how many are looked at for whether they match anything. */
const MOST_PREFIXES = 10;

/** Longest listing kept in memory, in bytes, packed: some five million files. The store decides how much it lists. */
const MOST_LISTED_BYTES = 256 * 1024 * 1024;

/** What a page costs besides its files, in bytes: a page may have one only. */
const PAGE_BYTES = 4096;

/** What `RepeatedKeys` keeps of each key. */
const HASH_BYTES = 8;

/**
 * As `listOnce`; anew where the source asks for that.
 * @throws FileError, or the signal's reason when aborted
 */
export async function listFiles(
  ...[source, prefixes, types, signal]: Parameters<typeof listOnce>
): Promise<FileListing> {
  try {
    return await listOnce(source, prefixes, types, signal);
  } catch (error) {
    if (!(error instanceof ListAgain)) throw error;
    return await listOnce(source, prefixes, types, signal);
  }
}

/**
 * Lists the source within the call's prefixes, for objects that have a known resource type's name. It takes as long as
 * the source does: call it without holding a database connection.
 * @throws FileError, ListAgain, or the signal's reason when aborted
 */
async function listOnce(
  source: ObjectSource,
  prefixes: readonly string[],
  types: KnownTypes,
  signal: AbortSignal,
): Promise<FileListing> {
  const pages: Buffer[] = [];
  const repeated = new RepeatedKeys();
  let bytes = 0;
  const ignored = new LeftOutKeys();
  const withheld = new LeftOutKeys();
  let isAllIgnored = true;
  const emptyPrefixes = new Set(prefixes.length === 0 ? [''] : prefixes.slice(0, MOST_PREFIXES));
  for await (const page of source.list(prefixes, signal)) {
    const files: NewLoaderFile[] = [];
    const [ignoredHere, withheldHere]: [string[], string[]] = [[], []];
    for (const object of page) {
      for (const prefix of emptyPrefixes) if (object.key.startsWith(prefix)) emptyPrefixes.delete(prefix);
      const type = resourceTypeOfKey(object.key, types.loadable);
      if (type !== undefined && textProblem(object.key) === undefined) files.push({ ...object, type });
      else if (resourceTypeOfKey(object.key, types.withheld) !== undefined) withheldHere.push(object.key);
      else if (!object.key.endsWith('/')) ignoredHere.push(object.key);
    }
    ignored.add(ignoredHere);
    withheld.add(withheldHere);
    if (files.length > 0 || withheldHere.length > 0) isAllIgnored = false;
    const packed = pack(files);
    if (files.length > 0) pages.push(packed);
    repeated.add(files.map(({ key }) => key));
    bytes += packed.length + PAGE_BYTES + page.length * HASH_BYTES;
    if (bytes > MOST_LISTED_BYTES) throw new ListingTooLarge();
  }
  return {
    ignored: { ...ignored.notes(), isAll: isAllIgnored },
    withheld: withheld.notes(),
    emptyPrefixes: [...emptyPrefixes],
    files: () => repeated.once(() => unpacked(pages)),
  };
}

/** Keys that are not queued: counted once each, however often the store lists them. */
class LeftOutKeys {
  readonly #keys = new RepeatedKeys();
  readonly #examples = new Set<string>();

  add(keys: readonly string[]): void {
    if (keys.length > 0) this.#keys.add(keys);
    for (const key of keys) if (this.#examples.size < MOST_EXAMPLES) this.#examples.add(key);
  }

  notes(): WithheldFiles {
    return { count: this.#keys.count(), examples: [...this.#examples] };
  }
}

/** A listing that is longer than the memory it may take. */
class ListingTooLarge extends FileError {
  override readonly name = 'ListingTooLarge';

  constructor() {
    super('ListingTooLarge: the bucket lists more files than one call can queue; call for parts of it, by prefixes', {
      source: 'aidbox',
      code: 'ListingTooLarge',
    });
  }
}

/** A page's files, member by member: an object of each would be made twice, by its parts and by its schema. */
const packedSchema = z.object({
  keys: z.array(z.string()),
  types: z.array(z.string()),
  sizes: z.array(z.number().nullable()),
  etags: z.array(z.string().nullable()),
  /** In ms since 1970. */
  times: z.array(z.number().nullable()),
});

/** About 35 bytes a file. The strings as parsed would also keep the whole page's XML. */
function pack(files: readonly NewLoaderFile[]): Buffer {
  const packed: z.input<typeof packedSchema> = {
    keys: files.map(({ key }) => key),
    types: files.map(({ type }) => type),
    sizes: files.map(({ size }) => size ?? null),
    etags: files.map(({ etag }) => etag ?? null),
    times: files.map(({ lastModified }) => lastModified?.getTime() ?? null),
  };
  return gzipSync(JSON.stringify(packed), { level: 1 });
}

function* unpacked(pages: readonly Buffer[]): Generator<NewLoaderFile[]> {
  for (const page of pages) {
    const { keys, types, sizes, etags, times } = packedSchema.parse(JSON.parse(gunzipSync(page).toString()));
    yield keys.map((key, place) => {
      const time = times[place] ?? undefined;
      return {
        key,
        type: types[place] ?? '',
        size: sizes[place] ?? undefined,
        etag: etags[place] ?? undefined,
        lastModified: time === undefined ? undefined : new Date(time),
      };
    });
  }
}
