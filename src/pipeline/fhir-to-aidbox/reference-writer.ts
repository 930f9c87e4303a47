import { BACKSLASH, COMMA, QUOTE } from '../json-bytes.ts';
import type { Walk } from './aidbox-converter.ts';
import { decodeString, isValidValue, skipSpace, stringEnd } from './json-scan.ts';
import { Action, type Entry } from './node.ts';
import type { Word } from './segments.ts';

/** A relative reference, as FHIR writes one to a resource of the same server. */
export const RELATIVE_REFERENCE = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})$/;

const FRONT = Buffer.from('{"reference":"');
const SLASH = 0x2f;
const HASH = 0x23;
/** Bytes of `\u0023`. */
const ESCAPED_CHARACTER_BYTES = 6;
const MAX_ID_BYTES = 64;
/** Length of `"reference`. */
const SHORTEST_TELLING_KEY = 10;

/** Bytes that an id may have: letters, digits, `-` and `.`. */
const ID_BYTES = new Uint8Array(256);
for (const byte of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.')) ID_BYTES[byte] = 1;

/** What has been met in a Reference so far, one bit each. */
const REFERENCE = 1;
const ID = 2;
const ELEMENT_ID = 4;
const STORED = 8;
/** Its `id` is the element's own, as in FHIR, and not that of the resource referred to. */
const FHIR_ID = 16;

/** Writes References: `{"reference":"Patient/1"}` as `{"resourceType":"Patient","id":"1"}`, and so on. */
export class ReferenceWriter {
  readonly #walk: Walk;
  #met = 0;
  #storedKey = '';
  readonly #type: Word;
  readonly #id: Word;
  readonly #uri: Word;
  readonly #localRef: Word;
  readonly #elementId: Word;

  constructor(walk: Walk) {
    this.#walk = walk;
    this.#type = walk.segments.learn('"resourceType":"');
    this.#id = walk.segments.learn('","id":"');
    this.#uri = walk.segments.learn('"uri"');
    this.#localRef = walk.segments.learn('"localRef":"');
    this.#elementId = walk.segments.learn('"_id"');
  }

  /** A Reference begins at `open`. @returns what `leave` takes: a Reference may lie within another one */
  enter(open: number): number {
    const { bytes } = this.#walk;
    const outer = this.#met;
    this.#met = FHIR_ID;
    for (let i = 0; i < FRONT.length; i++) {
      if (bytes[open + i] === FRONT[i]) continue;
      if (!this.#isFhir(open)) this.#met = 0;
      break;
    }
    return outer;
  }

  /** Looks ahead: an `id` may come before the keys that tell which form it is in. */
  #isFhir(open: number): boolean {
    const { bytes, end } = this.#walk;
    let fhir = true;
    for (let i = skipSpace(bytes, open + 1, end); i < end && bytes[i] === QUOTE; i = skipSpace(bytes, i + 1, end)) {
      const close = stringEnd(bytes, i + 1, end);
      if (close === -1) return fhir;
      const isShort = close - i < SHORTEST_TELLING_KEY;
      const key = isShort ? '' : decodeString(bytes, i, close);
      const colon = skipSpace(bytes, close + 1, end);
      const from = skipSpace(bytes, colon + 1, end);
      if (key === 'reference' && bytes[from] === QUOTE) return true;
      if (key === 'resourceType') fhir = false;
      i = from >= end ? -1 : this.#walk.peekEnd(from);
      if (i === -1) return fhir;
      i = skipSpace(bytes, i, end);
      if (bytes[i] !== COMMA) return fhir;
    }
    return fhir;
  }

  leave(outer: number): void {
    this.#met = outer;
  }

  /** A member: key [key, close] with its quotes, value at `from`. @returns the offset past the value, or -1 */
  member(entry: Entry, key: number, close: number, from: number): number {
    const walk = this.#walk;
    const met = this.#met;
    switch (entry.action) {
      case Action.reference:
        if (walk.bytes[from] !== QUOTE) break;
        if (met & REFERENCE) return walk.fail('two-forms', ['reference', 'reference']);
        if (met & STORED) return walk.fail('two-forms', [this.#storedKey, 'reference']);
        this.#met |= REFERENCE;
        return this.#reference(key, close, from);
      case Action.storedReference:
        if (met & REFERENCE) return walk.fail('two-forms', ['reference', entry.key]);
        this.#met |= STORED;
        this.#storedKey = entry.key;
        if (entry.key === 'uri' && walk.resolve !== undefined && met & FHIR_ID && walk.bytes[from] === QUOTE) {
          const end = stringEnd(walk.bytes, from + 1, walk.end);
          if (end !== -1 && this.#resolved(key, from, end)) return end + 1;
        }
        break;
      case Action.referenceId:
        if (!(met & FHIR_ID)) break;
        if (met & (ID | ELEMENT_ID)) return walk.fail('two-forms', ['id', met & ID ? 'id' : '_id']);
        this.#met |= ID;
        walk.segments.cut(key, close + 1);
        walk.segments.put(this.#elementId);
        break;
      default:
        if (met & ID) return walk.fail('two-forms', ['id', '_id']);
        this.#met |= ELEMENT_ID;
    }
    const next = walk.peekEnd(from);
    return next === -1 ? walk.fail('not-json') : next;
  }

  #reference(key: number, keyClose: number, quote: number): number {
    const { bytes, segments, end } = this.#walk;
    const slash = typeEnd(bytes, quote + 1);
    if (slash !== -1) {
      const close = idEnd(bytes, slash + 1);
      if (close !== -1 && close < end) {
        segments.cut(key, quote + 1);
        segments.put(this.#type);
        segments.cut(slash, slash + 1);
        segments.put(this.#id);
        return close + 1;
      }
    }
    const close = stringEnd(bytes, quote + 1, end);
    if (close === -1) return this.#walk.fail('not-json');
    const first = bytes[quote + 1];
    if (first === HASH && close > quote + 2) return this.#local(key, quote + 2, close);
    if (hasBackslash(bytes, quote, close)) {
      const text = decodeString(bytes, quote, close);
      if (text === undefined || !isValidValue(bytes, quote, close + 1)) return this.#walk.fail('not-json');
      const [, type, id] = RELATIVE_REFERENCE.exec(text) ?? [];
      if (type !== undefined) {
        segments.cut(key, close + 1);
        segments.putText(`"resourceType":"${type}","id":"${id}"`);
        return close + 1;
      }
      if (text.startsWith('#') && text.length > 1) return this.#local(key, quote + 1 + ESCAPED_CHARACTER_BYTES, close);
    }
    if (this.#resolved(key, quote, close)) return close + 1;
    segments.cut(key, keyClose + 1);
    segments.put(this.#uri);
    return close + 1;
  }

  /** Writes type and id in the place of the member from `key` to `close`, where the URI at `quote` is known to mean one. */
  #resolved(key: number, quote: number, close: number): boolean {
    const { bytes, segments, resolve } = this.#walk;
    const uri = resolve === undefined ? undefined : decodeString(bytes, quote, close);
    const target = uri === undefined ? undefined : resolve?.(uri);
    if (target === undefined) return false;
    segments.cut(key, close + 1);
    segments.putText(`"resourceType":${JSON.stringify(target.type)},"id":${JSON.stringify(target.id)}`);
    return true;
  }

  #local(key: number, from: number, close: number): number {
    const { segments } = this.#walk;
    segments.cut(key, from);
    segments.put(this.#localRef);
    return close + 1;
  }
}

/** The offset of the slash behind a resource type's name at `from`, or -1. */
function typeEnd(b: Buffer, from: number): number {
  const first = b[from] ?? 0;
  if (first < 0x41 || first > 0x5a) return -1;
  for (let i = from + 1; ; i++) {
    const c = b[i] ?? 0;
    if (c === SLASH) return i > from + 1 ? i : -1;
    const letter = c | 0x20;
    if (letter < 0x61 || letter > 0x7a || c > 0x7f) return -1;
  }
}

/** The offset of the quote behind an id at `from`, or -1. */
function idEnd(b: Buffer, from: number): number {
  const limit = from + MAX_ID_BYTES;
  let i = from;
  while (i < limit && ID_BYTES[b[i] ?? 0] === 1) i++;
  return i > from && b[i] === QUOTE ? i : -1;
}

function hasBackslash(b: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (b[i] === BACKSLASH) return true;
  return false;
}
