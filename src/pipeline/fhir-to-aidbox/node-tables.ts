import { Action, type Entry, type Node, type Shape } from './node.ts';

/** Where in the module's memory the tables go, and what puts an entry into its node's slots. */
export interface TableMemory {
  readonly memory: Buffer;
  /** [from, to) of the memory. */
  readonly from: number;
  readonly to: number;
  addEntry(node: number, entry: number): void;
}

const NODE_BYTES = 16;
const ENTRY_BYTES = 64;
/** A key is read eight bytes at a time. */
const KEY_MARGIN_BYTES = 8;
/** Slots by entry, at least: most keys that are looked up are not there, and meet an empty slot at once. */
const SLOTS_BY_ENTRY = 4;
/** Choices of one node that fit in the bits of a number. */
const MOST_CHOICES = 32;

const SHAPES: Readonly<Record<Shape, number>> = { object: 0, reference: 1, resource: 2 };

/** As in `tools/plain-converter/lookup.as.ts`. */
const ACTIONS: Readonly<Partial<Record<Action, number>>> = {
  [Action.descend]: 1,
  [Action.choice]: 2,
  [Action.stored]: 3,
  [Action.meta]: 4,
  [Action.reference]: 5,
  [Action.referenceId]: 6,
  [Action.referenceElementId]: 7,
  [Action.ownType]: 11,
};
const STORED_REFERENCES: Readonly<Record<string, number>> = { resourceType: 8, uri: 9, localRef: 10 };
const DROPPED: Readonly<Record<string, number>> = { id: 12, resourceType: 13, lastUpdated: 14, versionId: 15 };

/** Writes nodes into the memory of the WebAssembly module, each with all that it leads to. */
export class NodeTables {
  readonly #memory: TableMemory;
  readonly #places = new Map<Node, number>();
  /** Nodes all of which was written; when the room ends, others may lack some of their keys. */
  readonly #whole = new Map<Node, number>();
  #isFull = false;
  #next: number;

  constructor(memory: TableMemory) {
    this.#memory = memory;
    this.#next = memory.from;
  }

  /** Where the node is, written now unless it was before; undefined where there is no room left. */
  place(node: Node): number | undefined {
    const known = this.#whole.get(node);
    if (known !== undefined || this.#isFull) return known;
    try {
      const at = this.#placeOf(node);
      this.#whole.set(node, at);
      return at;
    } catch (error) {
      if (!(error instanceof NoRoom)) throw error;
      this.#isFull = true;
      return undefined;
    }
  }

  #placeOf(node: Node): number {
    const known = this.#places.get(node);
    if (known !== undefined) return known;
    const at = this.#take(NODE_BYTES);
    this.#places.set(node, at);
    const { entries } = node;
    let slots = SLOTS_BY_ENTRY;
    while (slots < SLOTS_BY_ENTRY * entries.length) slots *= 2;
    this.#write(at, [SHAPES[node.shape], Number(node.quiet), slots - 1, this.#take(4 * slots)]);
    const choices = [...new Set(entries.filter(isChoice).map(({ base }) => base))];
    if (choices.length > MOST_CHOICES) throw new NoRoom();
    for (const entry of entries) this.#memory.addEntry(at, this.#entry(node, entry, choices.indexOf(entry.base)));
    return at;
  }

  #entry(node: Node, entry: Entry, choice: number): number {
    const { base, key, type } = entry;
    const at = this.#take(ENTRY_BYTES);
    const isSame = key.slice(base.length) === type;
    const word = entry.action === Action.choice ? `":{"${isSame ? '' : type.charAt(0)}` : '';
    const expected = entry.action === Action.ownType ? base : node.name;
    this.#write(at + 16, [
      Buffer.byteLength(key),
      this.#text(key),
      actionOf(entry),
      entry.node === undefined ? 0 : this.#placeOf(entry.node),
      isChoice(entry) ? 1 << choice : 0,
      base.length,
      isSame ? 0 : 1,
      word.length,
    ]);
    this.#memory.memory.write(word, at + 48, 'latin1');
    this.#write(at + 56, [this.#text(expected), Buffer.byteLength(expected)]);
    return at;
  }

  #text(text: string): number {
    const at = this.#take(Buffer.byteLength(text) + KEY_MARGIN_BYTES);
    this.#memory.memory.write(text, at);
    return at;
  }

  #write(at: number, numbers: readonly number[]): void {
    for (const [index, number] of numbers.entries()) this.#memory.memory.writeUInt32LE(number >>> 0, at + 4 * index);
  }

  #take(bytes: number): number {
    const at = this.#next;
    if (at + bytes > this.#memory.to) throw new NoRoom();
    this.#next = at + Math.ceil(bytes / 8) * 8;
    return at;
  }
}

class NoRoom extends Error {}

function isChoice({ action }: Entry): boolean {
  return action === Action.choice || action === Action.stored;
}

function actionOf({ action, key }: Entry): number {
  const number =
    action === Action.storedReference
      ? STORED_REFERENCES[key]
      : action === Action.drop
        ? DROPPED[key]
        : ACTIONS[action];
  if (number === undefined) throw new Error(`No action ${action} at ${key}`);
  return number;
}
