import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
} from '../json-bytes.ts';
import type { BracketIndex } from './bracket-index.ts';
import { ChoiceWriter } from './choice-writer.ts';
import type { NodeCompiler } from './compile-nodes.ts';
import type { ConvertFailure, ConvertFailureCode } from './convert-failure.ts';
import { ExtensionNeedle } from './extension-needle.ts';
import { decodeString, isValidValue, skipSpace, stringEnd, valueEnd } from './json-scan.ts';
import { Action, type Entry, type Node } from './node.ts';
import { ReferenceWriter } from './reference-writer.ts';
import { resourceTypeAt } from './resource-type-at.ts';
import { Segments } from './segments.ts';

/** Deepest nesting of elements that is converted; real resources have some ten. */
const MAX_DEPTH = 256;

const NOT_JSON: ConvertFailure = { code: 'not-json', path: '' };

export type ResolveUri = (uri: string) => { type: string; id: string } | undefined;

/** What of a line's walk the writers of single elements work with. */
export interface Walk {
  readonly segments: Segments;
  readonly bytes: Buffer;
  readonly end: number;
  /** Told of each Reference's URI; gives the resource that it means, where that is known. */
  readonly resolve: ResolveUri | undefined;
  /** Converts the value at `from`. @returns the offset past it, or -1 after a failure */
  value(node: Node | undefined, from: number): number;
  /** The offset past the value at `from`, which is not passed by that, or -1. */
  peekEnd(from: number): number;
  /** @returns -1 */
  fail(code: ConvertFailureCode, keys?: readonly [string, string]): -1;
}

/**
 * Rewrites a resource's JSON from FHIR's form to Aidbox's storage format: references, choice types, what is in
 * columns. It goes once over the line's bytes and down along the definitions, builds no objects, and lets
 * everything else stand byte for byte; so the result is valid JSON if and only if the line was.
 */
export class AidboxConverter implements Walk {
  readonly segments = new Segments();
  bytes: Buffer = Buffer.alloc(0);
  end = 0;
  resolve: ResolveUri | undefined;
  /** The text of `meta.lastUpdated`, quotes included: [from, to); empty where there is none. */
  lastUpdatedFrom = 0;
  lastUpdatedTo = 0;

  readonly #compiler: NodeCompiler;
  readonly #brackets: BracketIndex;
  readonly #extensions = new ExtensionNeedle();
  readonly #choices = new ChoiceWriter(this);
  readonly #references = new ReferenceWriter(this);
  #start = 0;
  /** Brackets of the line that the index has, and the first of them that has not been passed. */
  #bracketCount = 0;
  #bracket = 0;
  #extension = 0;
  #depth = 0;
  #failure: ConvertFailure = NOT_JSON;
  /** Of a failure, from the inside out. */
  #path: string[] = [];
  /** Whether the member just handled stays in the object. */
  #kept = true;
  /** Whether nothing stayed in the object that ended last. */
  #empty = false;
  #metaSeen = false;

  /** @param brackets shared with converters that do not convert at the same time */
  constructor(compiler: NodeCompiler, brackets: BracketIndex) {
    this.#compiler = compiler;
    this.#brackets = brackets;
  }

  /** Sets the buffer that the following lines lie in; they are converted in ascending order. */
  attach(buffer: Buffer): void {
    this.bytes = buffer;
    this.#extensions.attach(buffer);
  }

  /**
   * Converts the line [start, end), whose object begins at `open`; the result is in `segments`.
   * @returns why it cannot be converted, or undefined when it was
   */
  convert(root: Node, start: number, open: number, end: number): ConvertFailure | undefined {
    this.end = end;
    this.lastUpdatedFrom = this.lastUpdatedTo = 0;
    this.#depth = 0;
    this.#metaSeen = false;
    this.#start = start;
    this.#bracketCount = this.#brackets.index(this.bytes, start, end) ? this.#brackets.count : 0;
    this.#bracket = 0;
    this.#extension = 0;
    this.segments.begin(start);
    this.#choices.begin();
    const close = this.#object(root, open);
    if (close === -1) {
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
    const b = this.bytes;
    const first = b[from];
    if (node === undefined || (first !== OPEN_BRACE && first !== OPEN_BRACKET)) return this.#skip(from);
    if (node.quiet) {
      const bracket = this.#bracket;
      const next = this.#skip(from);
      if (!this.#mayHaveExtension(from, next)) return next;
      this.#bracket = bracket;
    }
    return first === OPEN_BRACE ? this.#convertObject(node, from) : this.#array(node, from);
  }

  #skip(from: number): number {
    const b = this.bytes;
    const first = b[from];
    if (first === OPEN_BRACE || first === OPEN_BRACKET) {
      const { opens, closes, after } = this.#brackets;
      const place = from - this.#start;
      let k = this.#bracket;
      while (k < this.#bracketCount && (opens[k] ?? 0) < place) k++;
      if (k < this.#bracketCount && opens[k] === place) {
        this.#bracket = after[k] ?? 0;
        return this.#start + (closes[k] ?? 0) + 1;
      }
    }
    const next = valueEnd(b, from, this.end);
    return next === -1 ? this.fail('not-json') : next;
  }

  peekEnd(from: number): number {
    const { opens, closes } = this.#brackets;
    const place = from - this.#start;
    const first = this.bytes[from];
    if (first === OPEN_BRACE || first === OPEN_BRACKET) {
      for (let k = this.#bracket; k < this.#bracketCount && (opens[k] ?? 0) <= place; k++) {
        if (opens[k] === place) return this.#start + (closes[k] ?? 0) + 1;
      }
    }
    return valueEnd(this.bytes, from, this.end);
  }

  #mayHaveExtension(from: number, to: number): boolean {
    if (this.#bracketCount === 0) return this.#extensions.occurs(from, to);
    if (this.#extensions.escapeOccurs(from, to)) return true;
    const { extensionEnds, extensionCount } = this.#brackets;
    const first = from - this.#start;
    while (this.#extension < extensionCount && (extensionEnds[this.#extension] ?? 0) < first) this.#extension++;
    return this.#extension < extensionCount && (extensionEnds[this.#extension] ?? 0) < to - this.#start;
  }

  #array(node: Node, open: number): number {
    const b = this.bytes;
    const end = this.end;
    let i = skipSpace(b, open + 1, end);
    if (b[i] === CLOSE_BRACKET && i < end) return i + 1;
    for (let index = 0; ; index++) {
      i = b[i] === OPEN_BRACE && i < end ? this.#convertObject(node, i) : this.#skip(i);
      if (i === -1) {
        this.#path.push(`[${index}]`);
        return -1;
      }
      if (b[i] !== COMMA) i = skipSpace(b, i, end);
      if (i >= end) return this.fail('not-json');
      if (b[i] === CLOSE_BRACKET) return i + 1;
      if (b[i] !== COMMA) return this.fail('not-json');
      i = skipSpace(b, i + 1, end);
    }
  }

  #convertObject(node: Node, open: number): number {
    if (node.shape === 'object') return this.#object(node, open);
    if (node.shape === 'reference') {
      const outer = this.#references.enter(open);
      const next = this.#object(node, open);
      this.#references.leave(outer);
      return next;
    }
    const type = resourceTypeAt(this.bytes, open, this.end);
    const own = type === undefined ? undefined : this.#compiler.resource(type);
    return own === undefined ? this.#skip(open) : this.#object(own, open);
  }

  #object(node: Node, open: number): number {
    const b = this.bytes;
    const end = this.end;
    const segments = this.segments;
    if (++this.#depth > MAX_DEPTH) return this.fail('nested-too-deep');
    const choices = this.#choices.count;
    /** Where the last member that stays ends; -1 before there is one. */
    let keptEnd = -1;
    let i = skipSpace(b, open + 1, end);
    if (b[i] !== CLOSE_BRACE || i >= end) {
      for (;;) {
        if (b[i] !== QUOTE || i >= end) return this.fail('not-json');
        if (keptEnd === -1 && segments.copied > open) segments.cut(open + 1, i);
        const key = i;
        let hash = 0;
        let close = key + 1;
        while (close < end) {
          const c = b[close] ?? 0;
          if (c === QUOTE || c === BACKSLASH) break;
          hash = (Math.imul(hash, 31) + c) | 0;
          close++;
        }
        let entry: Entry | undefined;
        if (b[close] === QUOTE && close < end) entry = node.find(b, key + 1, close, hash);
        else {
          close = stringEnd(b, key + 1, end);
          const name = close === -1 ? undefined : decodeString(b, key, close);
          if (name === undefined) return this.fail('not-json');
          entry = node.findKey(name);
        }
        let from = close + 1;
        if (b[from] !== COLON) from = skipSpace(b, from, end);
        if (b[from] !== COLON || from >= end) return this.fail('not-json');
        from++;
        if ((b[from] ?? 0) <= SPACE) from = skipSpace(b, from, end);
        if (from >= end) return this.fail('not-json');

        let next: number;
        let kept = true;
        if (entry === undefined) next = this.#skip(from);
        else if (entry.action === Action.descend) next = this.value(entry.node, from);
        else {
          next = this.#act(entry, key, close, from, choices, keptEnd);
          kept = this.#kept;
        }
        if (next === -1) {
          this.#path.push(decodeString(b, key, close) ?? '');
          return -1;
        }
        if (kept) keptEnd = next;
        else segments.cut(keptEnd === -1 ? open + 1 : keptEnd, next);

        i = next;
        if (b[i] !== COMMA) i = skipSpace(b, i, end);
        if (i >= end) return this.fail('not-json');
        if (b[i] === CLOSE_BRACE) break;
        if (b[i] !== COMMA) return this.fail('not-json');
        i++;
        if (b[i] !== QUOTE) i = skipSpace(b, i, end);
      }
    }
    this.#depth--;
    this.#choices.count = choices;
    this.#empty = keptEnd === -1;
    return i + 1;
  }

  #act(entry: Entry, key: number, close: number, from: number, choices: number, keptEnd: number): number {
    this.#kept = true;
    switch (entry.action) {
      case Action.choice: {
        const next = this.#choices.choice(entry, key, close, from, choices, keptEnd);
        this.#kept = !this.#choices.merged;
        return next;
      }
      case Action.stored: {
        const next = this.#choices.stored(entry, from, choices, keptEnd);
        this.#kept = !this.#choices.merged;
        return next;
      }
      case Action.drop: {
        const next = this.#drop(entry, from);
        this.#kept = false;
        return next;
      }
      case Action.meta:
        return this.#meta(entry.node, from);
      case Action.ownType: {
        const next = this.#skip(from);
        const same = this.bytes[from] === QUOTE && decodeString(this.bytes, from, next - 1) === entry.base;
        return same || next === -1 ? next : this.fail('two-forms', ['resourceType', 'resourceType']);
      }
      default:
        return this.#references.member(entry, key, close, from);
    }
  }

  /** A resource's own `meta`; out it goes where it holds nothing but what is in columns. */
  #meta(node: Node | undefined, from: number): number {
    if (this.#metaSeen) return this.fail('two-forms', ['meta', 'meta']);
    this.#metaSeen = true;
    if (node === undefined || this.bytes[from] !== OPEN_BRACE) return this.#skip(from);
    const { count, copied } = this.segments;
    const next = this.#object(node, from);
    this.#kept = next === -1 || !this.#empty;
    if (!this.#kept) this.segments.rewind(count, copied);
    return next;
  }

  /** What leaves the line is not seen by Postgres, so it is judged here. */
  #drop({ key }: Entry, from: number): number {
    const next = this.#skip(from);
    // A resource's own `id` and `resourceType` have been judged before.
    if (next === -1 || key === 'id' || key === 'resourceType') return next;
    if (!isValidValue(this.bytes, from, next)) return this.fail('not-json');
    if (key === 'lastUpdated') {
      if (this.lastUpdatedTo > 0) return this.fail('two-forms', [key, key]);
      this.lastUpdatedFrom = from;
      this.lastUpdatedTo = next;
    }
    return next;
  }
}
