import { CLOSE_BRACE, CLOSE_BRACKET, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE } from '../json-bytes.ts';
import { decodeString, skipSpace, valueEnd } from '../json-scan.ts';
import { ChoiceWriter } from './choice-writer.ts';
import { ColumnMembers } from './column-members.ts';
import type { NodeCompiler } from './compile-nodes.ts';
import type { ConvertFailure, ConvertFailureCode } from './convert-failure.ts';
import { memberKeyAt, resourceTypeAt } from './members.ts';
import { Action, type Entry, type Node } from './node.ts';
import { ReferenceWriter } from './reference-writer.ts';
import { Segments } from './segments.ts';
import type { ResolveUri, Walk } from './walk.ts';

/** Deepest nesting of elements that is converted; real resources have some ten. */
const MAX_DEPTH = 256;

const NOT_JSON: ConvertFailure = { code: 'not-json', path: '' };

/**
 * Rewrites a resource's JSON from FHIR's form to Aidbox's storage format: references, choice types, what is in
 * columns. It goes once over the line's bytes and down along the definitions, builds no objects, and lets
 * everything else stand byte for byte; so the result is valid JSON if and only if the line was.
 *
 * It takes every line and says what is wrong with one. A load asks `PlainConverter` first, which is much faster, and comes
 * here with the lines that hold something unusual.
 */
export class AidboxConverter implements Walk {
  readonly segments = new Segments();
  readonly columns = new ColumnMembers(this);
  bytes: Buffer = Buffer.alloc(0);
  end = 0;
  resolve: ResolveUri | undefined;

  readonly #compiler: NodeCompiler;
  readonly #choices = new ChoiceWriter(this);
  readonly #references = new ReferenceWriter(this);
  #depth = 0;
  #failure: ConvertFailure = NOT_JSON;
  /** Of a failure, from the inside out. */
  #path: string[] = [];
  /** Whether the member just handled stays in the object. */
  #kept = true;
  /** Whether nothing stayed in the object that ended last. */
  #empty = false;

  constructor(compiler: NodeCompiler) {
    this.#compiler = compiler;
  }

  /** Sets the buffer that the following lines lie in. */
  attach(buffer: Buffer): void {
    this.bytes = buffer;
  }

  /**
   * Converts the line [start, end), whose object begins at `open`; the result is in `segments`.
   * @returns why it cannot be converted, or undefined when it was
   */
  convert(root: Node, start: number, open: number, end: number): ConvertFailure | undefined {
    this.end = end;
    this.#depth = 0;
    this.columns.begin();
    this.segments.begin(start);
    this.#choices.written.count = 0;
    if (this.object(root, open) === -1) {
      this.#path.push(root.name);
      return { ...this.#failure, path: this.#path.reverse().join('.').replaceAll('.[', '[') };
    }
    this.segments.cut(end, end);
    return undefined;
  }

  fail(code: ConvertFailureCode, keys?: readonly [string, string]): -1 {
    this.#failure = { code, path: '', ...(keys === undefined ? {} : { keys }) };
    this.#path = [];
    return -1;
  }

  value(node: Node | undefined, from: number): number {
    const first = this.bytes[from];
    if (node === undefined || (first !== OPEN_BRACE && first !== OPEN_BRACKET)) return this.skip(from);
    return first === OPEN_BRACE ? this.#convertObject(node, from) : this.#array(node, from);
  }

  skip(from: number): number {
    const next = valueEnd(this.bytes, from, this.end);
    return next === -1 ? this.fail('not-json') : next;
  }

  #array(node: Node, open: number): number {
    const b = this.bytes;
    const end = this.end;
    let i = skipSpace(b, open + 1, end);
    if (b[i] === CLOSE_BRACKET && i < end) return i + 1;
    for (let index = 0; ; index++) {
      i = b[i] === OPEN_BRACE && i < end ? this.#convertObject(node, i) : this.skip(i);
      if (i === -1) {
        this.#path.push(`[${index}]`);
        return -1;
      }
      i = skipSpace(b, i, end);
      if (i >= end) return this.fail('not-json');
      if (b[i] === CLOSE_BRACKET) return i + 1;
      if (b[i] !== COMMA) return this.fail('not-json');
      i = skipSpace(b, i + 1, end);
    }
  }

  #convertObject(node: Node, open: number): number {
    if (node.shape === 'object') return this.object(node, open);
    if (node.shape === 'reference') {
      const outer = this.#references.enter(open);
      const next = this.object(node, open);
      this.#references.leave(outer);
      return next;
    }
    const type = resourceTypeAt(this.bytes, open, this.end);
    const own = type === undefined ? undefined : this.#compiler.resource(type);
    return own === undefined ? this.skip(open) : this.object(own, open);
  }

  object(node: Node, open: number): number {
    const b = this.bytes;
    const end = this.end;
    const segments = this.segments;
    if (++this.#depth > MAX_DEPTH) return this.fail('nested-too-deep');
    const choices = this.#choices.written.count;
    /** Where the last member that stays ends; -1 before there is one. */
    let keptEnd = -1;
    let i = skipSpace(b, open + 1, end);
    if (b[i] !== CLOSE_BRACE || i >= end) {
      for (;;) {
        const key = memberKeyAt(b, i, end);
        if (key === undefined) return this.fail('not-json');
        if (keptEnd === -1 && segments.copied > open) segments.cut(open + 1, i);
        const { name, close, from } = key;
        const entry = node.find(name);
        const next = entry === undefined ? this.skip(from) : this.#act(entry, i, close, from, choices, keptEnd);
        if (next === -1) {
          this.#path.push(name);
          return -1;
        }
        if (entry === undefined || this.#kept) keptEnd = next;
        else segments.cut(keptEnd === -1 ? open + 1 : keptEnd, next);

        i = skipSpace(b, next, end);
        if (i >= end) return this.fail('not-json');
        if (b[i] === CLOSE_BRACE) break;
        if (b[i] !== COMMA) return this.fail('not-json');
        i = skipSpace(b, i + 1, end);
      }
    }
    this.#depth--;
    this.#choices.written.count = choices;
    this.#empty = keptEnd === -1;
    return i + 1;
  }

  /** Does what is to be done at a key; says in `#kept` whether the member stays. */
  #act(entry: Entry, key: number, close: number, from: number, choices: number, keptEnd: number): number {
    switch (entry.action) {
      case Action.choice:
      case Action.stored: {
        const next =
          entry.action === Action.choice
            ? this.#choices.choice(entry, key, close, from, choices, keptEnd)
            : this.#choices.stored(entry, from, choices, keptEnd);
        this.#kept = !this.#choices.merged;
        return next;
      }
      case Action.drop:
        this.#kept = false;
        return this.columns.drop(entry, from);
      case Action.meta: {
        const { count, copied } = this.segments;
        const isObject = this.bytes[from] === OPEN_BRACE;
        const next = this.columns.meta(entry.node, from);
        this.#kept = next === -1 || !isObject || !this.#empty;
        if (!this.#kept) this.segments.rewind(count, copied);
        return next;
      }
      default: {
        const next = this.#keep(entry, key, close, from);
        this.#kept = true;
        return next;
      }
    }
  }

  #keep(entry: Entry, key: number, close: number, from: number): number {
    if (entry.action === Action.descend) return this.value(entry.node, from);
    if (entry.action !== Action.ownType) return this.#references.member(entry, key, close, from);
    const next = this.skip(from);
    const same = this.bytes[from] === QUOTE && decodeString(this.bytes, from, next - 1) === entry.base;
    return same || next === -1 ? next : this.fail('two-forms', ['resourceType', 'resourceType']);
  }
}
