import type pg from 'pg';
import { toFailure } from '../errors/failure.ts';
import { FileError } from '../errors/file-error.ts';
import { type OpenReference, parseOpenReference } from '../fhir/open-reference.ts';
import { namedType, ReferenceTally, type ReferenceTarget } from '../fhir/reference-target.ts';
import { OpenReferenceScan } from '../pipeline/fhir-to-aidbox/open-reference-scan.ts';
import type { KnownReferences } from '../pipeline/transform.ts';
import { cancellable } from '../store/cancellable.ts';
import { findTargets } from '../store/references/find-targets.ts';
import { IdentifierIndex } from '../store/references/identifier-index.ts';
import { type ResourceTable, resolveTables } from '../store/resource-tables.ts';

/** Most look-ups whose answers a file keeps, twice: those of the last chunks are kept, those before forgotten. */
const MOST_KNOWN = 10_000;

/** Look-ups of one statement. */
const BATCH = 5_000;

/** What a task says of the load whose references are resolved. Plain data: it crosses to a worker thread. */
export interface LoadToResolve {
  /** The load's call. */
  call: bigint;
  /** Files of the load that were done before this one was begun, by type. */
  doneFiles: Readonly<Record<string, number>>;
  /** Types of the load that come before the file's and had unfinished files then. */
  expectedTypes: readonly string[];
}

/** What a reference means may be in a file that is not loaded yet. */
export class TooEarlyError extends Error {
  override readonly name = 'TooEarlyError';
}

export interface FileReferencesOptions extends LoadToResolve {
  bucket: string;
  /** For the look-ups: the file's own connection is in its COPY. */
  pool: pg.Pool;
  signal: AbortSignal;
}

/**
 * What the open references of one file's lines mean. What a chunk refers to is looked up before it is encoded, all at once;
 * of what was found a bounded part is remembered.
 */
export class FileReferences implements KnownReferences {
  readonly tally = new ReferenceTally();

  readonly #options: FileReferencesOptions;
  readonly #index: IdentifierIndex;
  readonly #scan = new OpenReferenceScan();
  #known = new Map<string, ReferenceTarget>();
  #before = new Map<string, ReferenceTarget>();
  #tables: readonly ResourceTable[] | undefined;

  constructor(options: FileReferencesOptions) {
    this.#options = options;
    this.#index = IdentifierIndex.ofLoad(options.bucket);
  }

  /** @throws FileError when the database cannot be asked */
  async lookAhead(chunk: Buffer): Promise<void> {
    if (this.#known.size > MOST_KNOWN) {
      this.#before = this.#known;
      this.#known = new Map();
    }
    let open = new Map<string, OpenReference>();
    for (const uri of this.#scan.take(chunk)) {
      if (this.#known.has(uri)) continue;
      const before = this.#before.get(uri);
      const parsed = before === undefined ? parseOpenReference(uri) : undefined;
      if (before !== undefined) this.#known.set(uri, before);
      if (parsed !== undefined) open.set(uri, parsed);
      if (open.size < BATCH) continue;
      await this.#lookUp(open);
      open = new Map();
    }
    if (open.size > 0) await this.#lookUp(open);
  }

  /** @throws TooEarlyError where it is not known yet */
  targetOf(uri: string): ReferenceTarget | undefined {
    const known = this.#known.get(uri);
    if (known !== undefined && known.result !== 'unresolved') return known;
    const open = parseOpenReference(uri);
    if (open === undefined) return undefined;
    if (this.#isExpected(open)) throw new TooEarlyError(`files that ${namedType(open)} references mean come first`);
    return known ?? { result: 'unresolved', named: namedType(open) };
  }

  #isExpected(open: OpenReference): boolean {
    const { expectedTypes } = this.#options;
    if (open.kind === 'uuid') return expectedTypes.length > 0;
    return open.kind === 'identifier' && expectedTypes.includes(open.type);
  }

  async #lookUp(open: ReadonlyMap<string, OpenReference>): Promise<void> {
    const { pool, signal } = this.#options;
    let broken = true;
    const client = await this.#ask(() => pool.connect());
    try {
      await this.#ask(async () => {
        this.#tables ??= await resolveTables(client, Object.keys(this.#options.doneFiles));
        const targets = await findTargets(open, {
          client,
          index: this.#index,
          freshness: this.#freshness,
          tables: this.#tables,
          around: (fill) => cancellable(pool, client, { signal, graceMs: 0 }, fill),
        });
        for (const [uri, target] of targets) this.#known.set(uri, target);
      });
      broken = false;
    } finally {
      client.release(broken);
    }
  }

  readonly #freshness = (type: string) => {
    const { call, doneFiles } = this.#options;
    return { call, doneFiles: doneFiles[type] ?? 0 };
  };

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const { source, code, message, transient } = toFailure(cause);
      throw new FileError(`references could not be looked up (resolve-references?): ${message}`, {
        source,
        code,
        transient,
        cause,
      });
    }
  }
}
