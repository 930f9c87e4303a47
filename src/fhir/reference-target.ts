import type { OpenReference } from './open-reference.ts';

/** The resource that an open reference means, or why none is known. `named`: the type it is counted by. */
export type ReferenceTarget =
  | { readonly result: 'resolved'; readonly named: string; readonly type: string; readonly id: string }
  | { readonly result: 'unresolved' | 'ambiguous'; readonly named: string };

/** The type that an open reference names; `urn:uuid` where it names none. */
export function namedType(open: OpenReference): string {
  return open.kind === 'uuid' ? 'urn:uuid' : open.type;
}

/** What became of open references; `unresolved` and `ambiguous` by the type that they name. */
export interface ReferenceCounts {
  resolved: number;
  unresolved: Record<string, number>;
  ambiguous: Record<string, number>;
}

/** FHIR has fewer types; names that files make up must not fill the memory. */
const MOST_TYPES = 200;
const OTHERS = 'other';

/** Counts what becomes of open references. */
export class ReferenceTally {
  #resolved = 0;
  readonly #counts = { unresolved: new Map<string, number>(), ambiguous: new Map<string, number>() };

  add(targets: readonly ReferenceTarget[]): void {
    for (const target of targets) this.#count(target, 1);
  }

  /** Takes back what `add` counted. */
  remove(targets: readonly ReferenceTarget[]): void {
    for (const target of targets) this.#count(target, -1);
  }

  get counts(): ReferenceCounts {
    const { unresolved, ambiguous } = this.#counts;
    return { resolved: this.#resolved, unresolved: toRecord(unresolved), ambiguous: toRecord(ambiguous) };
  }

  #count({ result, named }: ReferenceTarget, by: 1 | -1): void {
    if (result === 'resolved') {
      this.#resolved += by;
      return;
    }
    const counts = this.#counts[result];
    const name = counts.has(named) || counts.size < MOST_TYPES ? named : OTHERS;
    counts.set(name, (counts.get(name) ?? 0) + by);
  }
}

/** In the order of the names, so that equal counts are equal text. */
function toRecord(counts: ReadonlyMap<string, number>): Record<string, number> {
  const entries = [...counts].filter(([, count]) => count > 0);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
