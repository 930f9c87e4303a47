import { z } from 'zod';
import { BRACKET_INDEX_WASM } from './bracket-index-wasm.ts';

/** What of WebAssembly is used; its types are a browser's, and not among Node's. */
interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: object };
}
declare const WebAssembly: WebAssemblyApi;

/** As in `tools/bracket-index/bracket-index.as.ts`. */
const MOST_LINE_BYTES = 1 << 20;
const MOST_BRACKETS = 1 << 17;

const exportsSchema = z.object({
  memory: z.object({ buffer: z.instanceof(ArrayBuffer) }),
  grow: z.custom<() => void>((value) => typeof value === 'function'),
  input: z.custom<() => number>((value) => typeof value === 'function'),
  opens: z.custom<() => number>((value) => typeof value === 'function'),
  closes: z.custom<() => number>((value) => typeof value === 'function'),
  after: z.custom<() => number>((value) => typeof value === 'function'),
  extensionEnds: z.custom<() => number>((value) => typeof value === 'function'),
  extensionCount: z.custom<() => number>((value) => typeof value === 'function'),
  index: z.custom<(length: number) => number>((value) => typeof value === 'function'),
});

/**
 * Which bracket of a line closes which, found by WebAssembly 16 bytes at a time, so that a value is passed over in one step.
 * Serves one line at a time; the converters of a thread share one, which takes 4 MB.
 */
export class BracketIndex {
  /** Opening brackets of the line indexed last; 0 where it could not be. Offsets below are from the line's beginning. */
  count = 0;
  readonly opens: Uint32Array;
  /** By opening bracket: its closing one. */
  readonly closes: Uint32Array;
  /** By opening bracket: how many open before its closing one. */
  readonly after: Uint32Array;
  extensionCount = 0;
  /** Where a string ends that itself ends in `xtension`: a key `extension` or `modifierExtension`, or what looks like one. */
  readonly extensionEnds: Uint32Array;

  readonly #exports: z.infer<typeof exportsSchema>;
  readonly #input: Buffer;

  constructor() {
    const module = new WebAssembly.Module(Buffer.from(BRACKET_INDEX_WASM, 'base64'));
    const instance = new WebAssembly.Instance(module);
    this.#exports = exportsSchema.parse({ ...instance.exports });
    const { grow, input, opens, closes, after, extensionEnds } = this.#exports;
    grow();
    // The memory has another buffer since it has grown.
    const { buffer } = exportsSchema.parse({ ...instance.exports }).memory;
    const numbers = (at: number) => new Uint32Array(buffer, at, MOST_BRACKETS);
    this.#input = Buffer.from(buffer, input(), MOST_LINE_BYTES);
    this.opens = numbers(opens());
    this.closes = numbers(closes());
    this.after = numbers(after());
    this.extensionEnds = numbers(extensionEnds());
  }

  /** @returns whether the line [start, end) is indexed now; not where it is too long, or its brackets do not pair */
  index(bytes: Buffer, start: number, end: number): boolean {
    const length = end - start;
    if (length > MOST_LINE_BYTES) return false;
    bytes.copy(this.#input, 0, start, end);
    const count = this.#exports.index(length);
    if (count < 0) return false;
    this.count = count;
    this.extensionCount = this.#exports.extensionCount();
    return true;
  }
}
