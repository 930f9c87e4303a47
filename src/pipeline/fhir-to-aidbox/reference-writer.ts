import { QUOTE } from '../json-bytes.ts';
import { decodeValidString, stringEnd } from '../json-scan.ts';
import { membersOf } from './members.ts';
import { Action, type Entry } from './node.ts';
import type { Word } from './segments.ts';
import type { Walk } from './walk.ts';

/** A relative reference, as FHIR writes one to a resource of the same server. */
const RELATIVE_REFERENCE = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})$/;

const HASH = 0x23;
/** Bytes of `\u0023`. */
const ESCAPED_CHARACTER_BYTES = 6;

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
  readonly #uri: Word;
  readonly #localRef: Word;
  readonly #elementId: Word;

  constructor(walk: Walk) {
    this.#walk = walk;
    this.#uri = walk.segments.learn('"uri"');
    this.#localRef = walk.segments.learn('"localRef":"');
    this.#elementId = walk.segments.learn('"_id"');
  }

  /** A Reference begins at `open`. @returns what `leave` takes: a Reference may lie within another one */
  enter(open: number): number {
    const outer = this.#met;
    this.#met = this.#isFhir(open) ? FHIR_ID : 0;
    return outer;
  }

  /** Looks ahead: an `id` may come before the keys that tell which form it is in. */
  #isFhir(open: number): boolean {
    const { bytes, end } = this.#walk;
    let fhir = true;
    for (const { key, from } of membersOf(bytes, open, end)) {
      if (key === 'reference' && bytes[from] === QUOTE) return true;
      if (key === 'resourceType') fhir = false;
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
        if (entry.key === 'uri' && met & FHIR_ID && walk.bytes[from] === QUOTE) {
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
    return walk.skip(from);
  }

  #reference(key: number, keyClose: number, quote: number): number {
    const { bytes, segments, end } = this.#walk;
    const close = stringEnd(bytes, quote + 1, end);
    const text = close === -1 ? undefined : decodeValidString(bytes, quote, close);
    if (text === undefined) return this.#walk.fail('not-json');
    const [, type, id] = RELATIVE_REFERENCE.exec(text) ?? [];
    if (type !== undefined) {
      segments.cut(key, close + 1);
      segments.putText(`"resourceType":"${type}","id":"${id}"`);
    } else if (text.startsWith('#') && text.length > 1) {
      segments.cut(key, quote + 1 + (bytes[quote + 1] === HASH ? 1 : ESCAPED_CHARACTER_BYTES));
      segments.put(this.#localRef);
    } else if (!this.#resolved(key, quote, close)) {
      segments.cut(key, keyClose + 1);
      segments.put(this.#uri);
    }
    return close + 1;
  }

  /** Writes type and id in the place of the member from `key` to `close`, where the URI at `quote` is known to mean one. */
  #resolved(key: number, quote: number, close: number): boolean {
    const { bytes, segments, resolve } = this.#walk;
    const uri = resolve === undefined ? undefined : decodeValidString(bytes, quote, close);
    const target = uri === undefined ? undefined : resolve?.(uri);
    if (target === undefined) return false;
    segments.cut(key, close + 1);
    segments.putText(`"resourceType":${JSON.stringify(target.type)},"id":${JSON.stringify(target.id)}`);
    return true;
  }
}
