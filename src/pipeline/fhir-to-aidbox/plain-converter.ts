import { z } from 'zod';
import { decodeValidString } from '../json-scan.ts';
import { COMMON_EXPORTS, exported, instantiate } from '../web-assembly.ts';
import type { NodeCompiler } from './compile-nodes.ts';
import { Action, Node } from './node.ts';
import { NodeTables } from './node-tables.ts';
import { PLAIN_CONVERTER_WASM } from './plain-converter-wasm.ts';
import type { ResolveUri } from './walk.ts';

const place = exported<() => number>();

const exportsSchema = z.object({
  ...COMMON_EXPORTS,
  longestLine: place,
  input: place,
  output: place,
  result: place,
  openReferences: place,
  mostOpenReferences: place,
  tables: place,
  tablesEnd: place,
  addEntry: exported<(node: number, entry: number) => void>(),
  convert: exported<(root: number, resources: number, length: number, listsOpen: number) => number>(),
});

/** A member of the output that is written as another text. */
interface Resolved {
  readonly from: number;
  readonly to: number;
  readonly text: Buffer;
}

/** Shorter than any resource that has an id. */
const SHORTEST_LINE_BYTES = 8;

/**
 * Converts lines to Aidbox's storage format in WebAssembly, at a third of what `AidboxConverter` takes: those that hold
 * nothing unusual, which are nearly all. Unusual are keys with escapes, a key that stands twice, two values of one
 * element, a line above 1 MB, anything that looks like an error. It gives up on them, and they are the other's.
 *
 * What it gives is what `ResourceScanner` and `AidboxConverter` would give, byte by byte. It takes 18 MB of addresses, of which
 * it touches some hundred kB; the transforms of a thread share one, and write a line before another one is converted.
 */
export class PlainConverter {
  /** The converted text's length, in bytes. */
  length = 0;
  /** The id, from the line's beginning: [idFrom, idTo). */
  idFrom = 0;
  idTo = 0;
  /** The text of `meta.lastUpdated`, quotes included; empty where there is none. */
  lastUpdatedFrom = 0;
  lastUpdatedTo = 0;

  readonly #compiler: NodeCompiler;
  readonly #tables: NodeTables;
  readonly #exports: z.infer<typeof exportsSchema>;
  readonly #longestLine: number;
  readonly #input: Buffer;
  readonly #output: Buffer;
  readonly #result: Uint32Array;
  /** Of each open reference: its member's place in the output, the URI's quotes in the line. */
  readonly #openReferences: Uint32Array;
  readonly #texts = new WeakMap<object, Buffer>();
  readonly #resolved: Resolved[] = [];
  #resourceCount = -1;
  #resources = 0;

  constructor(compiler: NodeCompiler) {
    this.#compiler = compiler;
    this.#exports = instantiate(PLAIN_CONVERTER_WASM, exportsSchema);
    const { input, output, result, openReferences, mostOpenReferences, tables, tablesEnd, longestLine, addEntry } =
      this.#exports;
    const { buffer } = this.#exports.memory;
    this.#longestLine = longestLine();
    this.#input = Buffer.from(buffer, input(), this.#longestLine);
    this.#output = Buffer.from(buffer, output(), 2 * this.#longestLine);
    this.#result = new Uint32Array(buffer, result(), 5);
    this.#openReferences = new Uint32Array(buffer, openReferences(), 4 * mostOpenReferences());
    this.#tables = new NodeTables({ memory: Buffer.from(buffer), from: tables(), to: tablesEnd(), addEntry });
  }

  /** Makes a root's definitions known; gives what `convert` takes, or undefined where there is no room for more. */
  root(node: Node): number | undefined {
    return this.#tables.place(node);
  }

  /**
   * @param listsOpen whether `resolve` may follow
   * @returns whether the line [start, end) is converted now; otherwise it is to be converted by the other
   */
  convert(root: number, bytes: Buffer, start: number, end: number, listsOpen = false): boolean {
    const length = end - start;
    if (length > this.#longestLine || length < SHORTEST_LINE_BYTES) return false;
    if (this.#compiler.resources.size !== this.#resourceCount) this.#writeResources();
    bytes.copy(this.#input, 0, start, end);
    const converted = this.#exports.convert(root, this.#resources, length, Number(listsOpen));
    if (converted < 0) return false;
    const result = this.#result;
    this.#resolved.length = 0;
    this.length = converted;
    this.idFrom = result[0] ?? 0;
    this.idTo = result[1] ?? 0;
    this.lastUpdatedFrom = result[2] ?? 0;
    this.lastUpdatedTo = result[3] ?? 0;
    return true;
  }

  /** Puts resources in the place of the line's references by URI, where it is known which one they mean. */
  resolve(bytes: Buffer, start: number, resolve: ResolveUri): void {
    const count = this.#result[4] ?? 0;
    for (let k = 0; k < 4 * count; k += 4) {
      const [from = 0, to = 0, quote = 0, close = 0] = this.#openReferences.subarray(k, k + 4);
      const uri = decodeValidString(bytes, start + quote, start + close);
      const target = uri === undefined ? undefined : resolve(uri);
      if (target === undefined) continue;
      const text = this.#textOf(target);
      this.#resolved.push({ from, to, text });
      this.length += text.length - (to - from);
    }
  }

  /** A file refers to the same resources again and again: writing their texts anew takes as long as all else of this. */
  #textOf(target: { type: string; id: string }): Buffer {
    const known = this.#texts.get(target);
    if (known !== undefined) return known;
    const text = Buffer.from(`"resourceType":${JSON.stringify(target.type)},"id":${JSON.stringify(target.id)}`);
    this.#texts.set(target, text);
    return text;
  }

  /** Writes the converted text. @returns the offset past it */
  write(out: Buffer, at: number): number {
    let next = at;
    let from = 0;
    let resolvedBytes = 0;
    for (const resolved of this.#resolved) {
      next += this.#output.copy(out, next, from, resolved.from);
      next += resolved.text.copy(out, next);
      resolvedBytes += resolved.text.length - (resolved.to - resolved.from);
      from = resolved.to;
    }
    return next + this.#output.copy(out, next, from, this.length - resolvedBytes);
  }

  /** The types of nested resources seen so far. */
  #writeResources(): void {
    const { resources } = this.#compiler;
    this.#resourceCount = resources.size;
    const table = new Node('Resource', 'object');
    table.fill(
      [...resources].flatMap(([key, node]) =>
        node === undefined || this.#tables.place(node) === undefined
          ? []
          : [{ key, action: Action.descend, node, base: '', type: '' }],
      ),
    );
    this.#resources = this.#tables.place(table) ?? this.#resources;
  }
}
