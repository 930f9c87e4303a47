import type pg from 'pg';
import type { OpenReference } from '../../fhir/open-reference.ts';
import { namedType, type ReferenceTarget } from '../../fhir/reference-target.ts';
import type { ResourceTable } from '../resource-tables.ts';
import type { Freshness } from './copy-identifiers.ts';
import { findTypesOfIds } from './find-by-id.ts';
import type { IdentifierIndex } from './identifier-index.ts';

export interface FindTargetsOptions {
  /** Not in a transaction: it copies identifiers where it has to. */
  client: pg.ClientBase;
  index: IdentifierIndex;
  /** How fresh a type's identifiers have to be. */
  freshness: (type: string) => Freshness;
  /** Where `urn:uuid:…` is looked for, in tables of Aidbox's shape. */
  tables: readonly ResourceTable[];
  /** Carries out the copying of identifiers, which takes as long as reading a table. */
  around?: (fill: () => Promise<void>) => Promise<void>;
}

/** How often identifiers that somebody deletes meanwhile are copied again. */
const MOST_FILLS = 3;

/** The resource that each of the references means: the only one that has the identifier or the id. */
export async function findTargets(
  open: ReadonlyMap<string, OpenReference>,
  options: FindTargetsOptions,
): Promise<Map<string, ReferenceTarget>> {
  const targets = new Map<string, ReferenceTarget>();
  for (const [uri, each] of open) targets.set(uri, { result: 'unresolved', named: namedType(each) });
  await findByIdentifier(open, options, targets);
  const byId = [...open].flatMap(([uri, each]) =>
    each.kind === 'uuid' ? [{ uri, id: each.id, named: namedType(each) }] : [],
  );
  const ids = byId.map(({ id }) => id);
  const found = await findTypesOfIds(options.client, options.tables, ids);
  for (const { uri, id, named } of byId) {
    const [type, ...others] = found.get(id) ?? [];
    if (type === undefined) continue;
    targets.set(uri, others.length > 0 ? { result: 'ambiguous', named } : { result: 'resolved', named, type, id });
  }
  return targets;
}

async function findByIdentifier(
  open: ReadonlyMap<string, OpenReference>,
  { client, index, freshness, around = (fill) => fill() }: FindTargetsOptions,
  targets: Map<string, ReferenceTarget>,
): Promise<void> {
  const wanted = [...open].flatMap(([uri, each]) =>
    each.kind === 'identifier' ? [{ uri, ...each, ...freshness(each.type) }] : [],
  );
  let matches = await index.find(client, wanted);
  for (let fills = 0; fills < MOST_FILLS && matches.includes(undefined); fills++) {
    const stale = new Set(wanted.filter((_, n) => matches[n] === undefined).map(({ type }) => type));
    for (const type of stale) await around(() => index.fill(client, type, freshness(type)));
    matches = await index.find(client, wanted);
  }
  for (const [n, { uri, type }] of wanted.entries()) {
    const match = matches[n] ?? { matches: 0 };
    if ('id' in match) targets.set(uri, { result: 'resolved', named: type, type, id: match.id });
    else if (match.matches > 1) targets.set(uri, { result: 'ambiguous', named: type });
  }
}
