import type pg from 'pg';
import { AidboxConverter } from '../pipeline/fhir-to-aidbox/aidbox-converter.ts';
import { BracketIndex } from '../pipeline/fhir-to-aidbox/bracket-index.ts';
import type { NodeCompiler } from '../pipeline/fhir-to-aidbox/compile-nodes.ts';
import { type OpenReference, parseOpenReference } from '../pipeline/fhir-to-aidbox/open-reference.ts';
import { inTransaction } from '../store/query.ts';
import { findTypesOfIds } from '../store/references/find-by-id.ts';
import { IdentifierIndex } from '../store/references/identifier-index.ts';
import { listOpenReferences, replaceResources, type StoredResource } from '../store/references/open-references.ts';
import { listResourceTables, type ResourceTable, resolveTables, spellingOfType } from '../store/resource-tables.ts';

/** Resources read, looked up and written at a time. */
const BATCH = 500;

/** What became of the references. */
export interface ResolveReport {
  /** Resources that were changed. */
  resources: number;
  /** References that have type and id now. */
  resolved: number;
  /** References that match nothing, by the type they name; `urn:uuid` for those that name none. */
  unresolved: Record<string, number>;
  /** References that match several resources; none of them is guessed. */
  ambiguous: Record<string, number>;
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

type Target = { type: string; id: string } | 'unresolved' | 'ambiguous';

/**
 * Gives conditional references (`Practitioner?identifier=system|value`) and `urn:uuid:…` that stand as `uri` in stored
 * resources the type and id of the one resource that they mean. Batch by batch, each in a transaction: memory does not
 * grow with the tables, and what was done stays when it ends early.
 */
export async function resolveReferences({
  pool,
  buildPool,
  compiler,
  types,
  signal,
}: ResolveOptions): Promise<ResolveReport> {
  const report: ResolveReport = { resources: 0, resolved: 0, unresolved: {}, ambiguous: {} };
  const all = await resolveTables(pool, await listResourceTables(pool));
  const wanted = types === undefined ? all : await resolveTables(pool, types);
  const client = await buildPool.connect();
  try {
    const index = new IdentifierIndex(client);
    await index.create();
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
        const targets = await findTargets(client, index, all, rewriter.openReferences(batch));
        const changed = rewriter.rewrite(batch, targets, report);
        report.resources += await inTransaction(pool, (writer) => replaceResources(writer, table, changed));
      }
    }
    await index.drop();
  } finally {
    client.release();
  }
  return report;
}

async function findTargets(
  client: pg.ClientBase,
  index: IdentifierIndex,
  tables: readonly ResourceTable[],
  open: ReadonlyMap<string, OpenReference>,
): Promise<Map<string, Target>> {
  const targets = new Map<string, Target>();
  const byIdentifier = [...open].flatMap(([uri, each]) => (each.kind === 'identifier' ? [{ uri, ...each }] : []));
  const matches = await index.find(byIdentifier);
  for (const [n, { uri, type }] of byIdentifier.entries()) {
    const match = matches[n] ?? { matches: 0 };
    targets.set(uri, 'id' in match ? { type, id: match.id } : match.matches === 0 ? 'unresolved' : 'ambiguous');
  }
  const byId = [...open].flatMap(([uri, each]) => (each.kind === 'uuid' ? [{ uri, id: each.id }] : []));
  const found = await findTypesOfIds(
    client,
    tables,
    byId.map(({ id }) => id),
  );
  for (const { uri, id } of byId) {
    const [type, ...others] = found.get(id) ?? [];
    targets.set(uri, type === undefined ? 'unresolved' : others.length > 0 ? 'ambiguous' : { type, id });
  }
  return targets;
}

/** Finds and rewrites the references of one type's resources, by the definitions, byte for byte otherwise. */
class ReferenceRewriter {
  readonly #type: string;
  readonly #compiler: NodeCompiler;
  readonly #converter: AidboxConverter;

  constructor(compiler: NodeCompiler, type: string) {
    this.#type = type;
    this.#compiler = compiler;
    this.#converter = new AidboxConverter(compiler, new BracketIndex());
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
    targets: ReadonlyMap<string, Target>,
    report: ResolveReport,
  ): StoredResource[] {
    return batch.flatMap(({ id, txid, resource }) => {
      let resolved = 0;
      const text = this.#convert(resource, (uri) => {
        const target = targets.get(uri);
        if (target === undefined) return undefined;
        if (typeof target === 'object') {
          resolved++;
          return target;
        }
        const named = /^[A-Za-z]+(?=\?)/.exec(uri)?.[0] ?? 'urn:uuid';
        report[target][named] = (report[target][named] ?? 0) + 1;
        return undefined;
      });
      report.resolved += resolved;
      return text === undefined || resolved === 0 ? [] : [{ id, txid, resource: text }];
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
