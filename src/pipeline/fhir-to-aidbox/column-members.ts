import { OPEN_BRACE } from '../json-bytes.ts';
import { isValidValue } from '../json-scan.ts';
import type { Entry, Node } from './node.ts';
import type { Walk } from './walk.ts';

/** What of a resource is in columns, and leaves its JSON: `id`, `resourceType`, `meta.lastUpdated`, `meta.versionId`. */
export class ColumnMembers {
  /** The text of `meta.lastUpdated`, quotes included: [from, to); empty where there is none. */
  lastUpdatedFrom = 0;
  lastUpdatedTo = 0;

  readonly #walk: Walk;
  #metaSeen = false;

  constructor(walk: Walk) {
    this.#walk = walk;
  }

  begin(): void {
    this.lastUpdatedFrom = this.lastUpdatedTo = 0;
    this.#metaSeen = false;
  }

  /** A member that leaves the line. Postgres does not see it, so it is judged here. @returns the offset past it, or -1 */
  drop({ key }: Entry, from: number): number {
    const walk = this.#walk;
    const next = walk.skip(from);
    // A resource's own `id` and `resourceType` have been judged before.
    if (next === -1 || key === 'id' || key === 'resourceType') return next;
    if (!isValidValue(walk.bytes, from, next)) return walk.fail('not-json');
    if (key === 'lastUpdated') {
      if (this.lastUpdatedTo > 0) return walk.fail('two-forms', [key, key]);
      this.lastUpdatedFrom = from;
      this.lastUpdatedTo = next;
    }
    return next;
  }

  /** A resource's own `meta`. @returns the offset past it, or -1 */
  meta(node: Node | undefined, from: number): number {
    const walk = this.#walk;
    if (this.#metaSeen) return walk.fail('two-forms', ['meta', 'meta']);
    this.#metaSeen = true;
    return node === undefined || walk.bytes[from] !== OPEN_BRACE ? walk.skip(from) : walk.object(node, from);
  }
}
