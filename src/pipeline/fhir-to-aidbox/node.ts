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
  readonly bytes: Buffer;
  readonly action: Action;
  /** The node of the value; undefined where nothing in it is converted. */
  readonly node: Node | undefined;
  /** Of a choice and its stored form: the element's name without `[x]`. Of `ownType`: the type. */
  readonly base: string;
  /** Of a choice: the type, as FHIR spells it. */
  readonly type: string;
}

/**
 * The keys of one kind of JSON object that a conversion has to see; all other members stay as they are. A key is found
 * by its hash in one step: the table is made as large as it takes for no two keys to meet.
 */
export class Node {
  readonly shape: Shape;
  /** For messages. */
  readonly name: string;
  /**
   * Whether all that can be converted below is found through a key `extension` or `modifierExtension`, so that a value
   * without them is skipped without a look at its keys.
   */
  quiet = false;

  #entries: readonly Entry[] = [];
  #slots: (Entry | undefined)[] = [undefined];
  #mask = 0;

  constructor(name: string, shape: Shape) {
    this.name = name;
    this.shape = shape;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Sets the keys, once all nodes that they lead to are there. */
  fill(entries: readonly Entry[]): void {
    const keys = entries.map(({ key }) => key);
    const twice = keys.find((key, at) => keys.indexOf(key) !== at);
    if (twice !== undefined) throw new Error(`${this.name} has the key ${twice} twice`);
    this.#entries = entries;
    let size = 4;
    while (size < 2 * entries.length) size *= 2;
    for (; ; size *= 2) {
      this.#mask = size - 1;
      const slots: (Entry | undefined)[] = Array.from({ length: size }, () => undefined);
      for (const entry of entries) slots[this.#slotOf(hashOf(entry.bytes))] = entry;
      this.#slots = slots;
      if (slots.filter((entry) => entry !== undefined).length === entries.length) return;
    }
  }

  /** The entry of the key [from, to) whose bytes have the given hash. */
  find(b: Buffer, from: number, to: number, hash: number): Entry | undefined {
    const entry = this.#slots[this.#slotOf(hash)];
    if (entry === undefined) return undefined;
    const bytes = entry.bytes;
    const length = to - from;
    if (bytes.length !== length) return undefined;
    for (let i = 0; i < length; i++) if (bytes[i] !== b[from + i]) return undefined;
    return entry;
  }

  /** The entry of a key as a string. */
  findKey(key: string): Entry | undefined {
    const bytes = Buffer.from(key);
    return this.find(bytes, 0, bytes.length, hashOf(bytes));
  }

  #slotOf(hash: number): number {
    return (hash ^ (hash >>> 13)) & this.#mask;
  }
}

/** One step of a key's hash; the converters do the same as they read a key. */
export function hashStep(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0;
}

function hashOf(bytes: Buffer): number {
  let hash = 0;
  for (const byte of bytes) hash = hashStep(hash, byte);
  return hash;
}
