import type pg from 'pg';
import { ClientError } from '../errors/client-error.ts';
import { type Pauses, retry } from '../errors/retry-policy.ts';
import { sqlstateOf, verdictOf } from '../errors/sqlstate.ts';
import { type OpenReference, parseOpenReference } from '../fhir/open-reference.ts';
import { type ReferenceCounts, ReferenceTally, type ReferenceTarget } from '../fhir/reference-target.ts';
import { FHIR_RESOURCE_TYPES } from '../fhir/resource-types.ts';
import { AidboxConverter } from '../pipeline/fhir-to-aidbox/aidbox-converter.ts';
import type { NodeCompiler } from '../pipeline/fhir-to-aidbox/compile-nodes.ts';
import { inTransaction } from '../store/query.ts';
import { findTargets } from '../store/references/find-targets.ts';
import { IdentifierIndex } from '../store/references/identifier-index.ts';
import { listOpenReferences, replaceResources, type StoredResource } from '../store/references/open-references.ts';
import { listResourceTables, type ResourceTable, resolveTables, spellingOfType } from '../store/resource-tables.ts';

/** Resources read, looked up and written at a time. */
const BATCH = 500;

/** A batch that another writer got ahead of, or whose locks crossed with another's, is written again. */
const ATTEMPTS = 5;
const PAUSES: Pauses = { firstMs: 100, mostMs: 1_000 };

/** What became of the references. */
export interface ResolveReport extends ReferenceCounts {
  /** Resources that were changed. */
  resources: number;
}

export interface ResolveOptions {
  /** For the writes, a batch at a time. */
  pool: pg.Pool;
  /** For the session that reads, as long as it takes. */
  buildPool: pg.Pool;
  compiler: NodeCompiler;
  /** Types whose resources are looked through; undefined means every table. */
  types?: readonly string[] | undefined;
  signal: AbortSignal;
}

/** Identifiers are copied for this call alone: any copy is fresh. */
const FRESH = { call: 0n, doneFiles: 0 };

/** Of resource tables alone: a name such as `patient_history` would have old versions rewritten. A FHIR type may have no table yet. */
function tablesOf(types: readonly string[], tables: readonly ResourceTable[]): ResourceTable[] {
  const names = new Set(types.map((type) => type.toLowerCase()));
  const wanted = tables.filter(({ name }) => names.has(name));
  const known = new Set([...FHIR_RESOURCE_TYPES.map((type) => type.toLowerCase()), ...wanted.map(({ name }) => name)]);
  const unknown = types.find((type) => !known.has(type.toLowerCase()));
  if (unknown === undefined) return wanted;
  throw new ClientError('domain-error', `${unknown} is neither a resource type of FHIR nor one that has a table.`);
}

/**
 * Gives conditional references (`Practitioner?identifier=system|value`) and `urn:uuid:…` that stand as `uri` in stored
 * resources the type and id of the one resource that they mean. Batch by batch, each in a transaction: memory does not
 * grow with the tables, and what was done stays when it ends early.
 * @throws ClientError for a type that is not known
 */
export async function resolveReferences({
  pool,
  buildPool,
  compiler,
  types,
  signal,
}: ResolveOptions): Promise<ResolveReport> {
  let resources = 0;
  const tally = new ReferenceTally();
  const all = await resolveTables(pool, await listResourceTables(pool));
  const wanted = types === undefined ? all : tablesOf(types, all);
  const client = await buildPool.connect();
  try {
    const index = await IdentifierIndex.ofSession(client);
    const lookUp = { client, index, freshness: () => FRESH, tables: all };
    for (const table of wanted) {
      const type = await spellingOfType(client, table.name);
      if (type === undefined) continue;
      const rewriter = new ReferenceRewriter(compiler, type);
      let after = '';
      for (;;) {
        signal.throwIfAborted();
        const batch = await listOpenReferences(client, table, after, BATCH);
        const last = batch.at(-1);
        if (last === undefined) break;
        after = last.id;
        const targets = await findTargets(rewriter.openReferences(batch), lookUp);
        const changed = rewriter.rewrite(batch, targets, tally);
        const write = () => inTransaction(pool, (writer) => replaceResources(writer, table, changed));
        resources += await retry(write, { attempts: ATTEMPTS, pauses: PAUSES, signal, isTransient });
      }
    }
    await index.drop(client);
  } finally {
    client.release();
  }
  return { resources, ...tally.counts };
}

function isTransient(error: unknown): boolean {
  const sqlstate = sqlstateOf(error);
  return sqlstate !== undefined && verdictOf(sqlstate) === 'retry';
}

/** Finds and rewrites the references of one type's resources, by the definitions, byte for byte otherwise. */
class ReferenceRewriter {
  readonly #type: string;
  readonly #compiler: NodeCompiler;
  readonly #converter: AidboxConverter;

  constructor(compiler: NodeCompiler, type: string) {
    this.#type = type;
    this.#compiler = compiler;
    this.#converter = new AidboxConverter(compiler);
  }

  openReferences(batch: readonly StoredResource[]): Map<string, OpenReference> {
    const open = new Map<string, OpenReference>();
    for (const { resource } of batch) {
      this.#convert(resource, (uri) => {
        const parsed = parseOpenReference(uri);
        if (parsed !== undefined) open.set(uri, parsed);
        return undefined;
      });
    }
    return open;
  }

  rewrite(
    batch: readonly StoredResource[],
    targets: ReadonlyMap<string, ReferenceTarget>,
    tally: ReferenceTally,
  ): StoredResource[] {
    return batch.flatMap(({ id, txid, resource }) => {
      const met: ReferenceTarget[] = [];
      const text = this.#convert(resource, (uri) => {
        const target = targets.get(uri);
        if (target !== undefined) met.push(target);
        return target?.result === 'resolved' ? target : undefined;
      });
      if (text === undefined) return [];
      tally.add(met);
      return met.some(({ result }) => result === 'resolved') ? [{ id, txid, resource: text }] : [];
    });
  }

  #convert(resource: string, resolve: AidboxConverter['resolve']): string | undefined {
    const bytes = Buffer.from(resource);
    this.#converter.resolve = resolve;
    this.#converter.attach(bytes);
    const failure = this.#converter.convert(this.#compiler.root(this.#type), 0, 0, bytes.length);
    return failure === undefined ? this.#converter.segments.toBuffer(bytes).toString() : undefined;
  }
}
