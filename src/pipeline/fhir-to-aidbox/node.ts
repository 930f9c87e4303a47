/** What a converter does at a key. */
export const Action = {
  /** Convert inside the value. */
  descend: 1,
  /** `valueQuantity`: write it as a member `Quantity` of `value`. */
  choice: 2,
  /** `value`: the element of a choice, in the storage format already. */
  stored: 3,
  /** Leave the member out. */
  drop: 4,
  /** A resource's own `meta`, left out where nothing remains of it. */
  meta: 5,
  /** `reference` of a Reference. */
  reference: 6,
  /** `id` of a Reference. */
  referenceId: 7,
  /** `_id` of a Reference: in the storage format, the element's own id. */
  referenceElementId: 8,
  /** `resourceType`, `uri` or `localRef` of a Reference in the storage format. */
  storedReference: 9,
  /** `resourceType` of a resource within another: checked, as it has chosen the node. */
  ownType: 10,
} as const;
export type Action = (typeof Action)[keyof typeof Action];

/** How an object is converted: member by member, as a Reference, or by its own `resourceType`. */
export type Shape = 'object' | 'reference' | 'resource';

/** A key that means something within a node. */
export interface Entry {
  readonly key: string;
  readonly action: Action;
  /** The node of the value; undefined where nothing in it is converted. */
  readonly node: Node | undefined;
  /** Of a choice and its stored form: the element's name without `[x]`. Of `ownType`: the type. */
  readonly base: string;
  /** Of a choice: the type, as FHIR spells it. */
  readonly type: string;
}

/** The keys of one kind of JSON object that a conversion has to see; all other members stay as they are. */
export class Node {
  readonly shape: Shape;
  /** For messages. */
  readonly name: string;
  /**
   * Whether all that can be converted below is found through a key `extension` or `modifierExtension`, so that a value
   * without them is skipped without a look at its keys.
   */
  quiet = false;

  #entries: ReadonlyMap<string, Entry> = new Map();

  constructor(name: string, shape: Shape) {
    this.name = name;
    this.shape = shape;
  }

  get entries(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  /** Sets the keys, once all nodes that they lead to are there. */
  fill(entries: readonly Entry[]): void {
    this.#entries = new Map(entries.map((entry) => [entry.key, entry]));
    const twice = entries.find((entry) => this.find(entry.key) !== entry);
    if (twice !== undefined) throw new Error(`${this.name} has the key ${twice.key} twice`);
  }

  find(key: string): Entry | undefined {
    return this.#entries.get(key);
  }
}
