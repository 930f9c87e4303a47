import { CLOSE_BRACE, OPEN_BRACE } from '../json-bytes.ts';
import type { Walk } from './aidbox-converter.ts';
import { skipSpace } from './json-scan.ts';
import { Action, type Entry } from './node.ts';
import { membersOf } from './resource-type-at.ts';
import type { Word } from './segments.ts';

/** The words that a choice of one type is written with. */
interface ChoiceWords {
  /** Between the element's name and what follows of the key: `":{"`, and a primitive's first letter. */
  middle: Word;
  /** Length of the key's part that the middle replaces, behind the element's name. */
  replaced: number;
  /** The type as a further member: `,"string":`. */
  further: Word;
  /** As a first member: `"string":`. */
  first: Word;
}

/** A choice that was written, or met in the storage format, in an object that is still open. */
interface Written {
  entry: Entry;
  /** Of a stored one: where its value begins in the line. */
  from: number;
  /** The range in the segments that begins with the closing brace of the choice's object; -1 while not known. */
  close: number;
  /** Of a stored one: offset of that brace in the line. */
  brace: number;
}

/**
 * Writes `valueQuantity: X` as `value: {"Quantity": X}`. Where one element has several values, they become members of
 * one object, at the place of the first: two keys `value` would leave only the last in a jsonb.
 */
export class ChoiceWriter {
  /** Whether the member written last went into an earlier one's object. */
  merged = false;
  /** Choices written in the objects that are open; whoever opens an object sets it back at its end. */
  count = 0;

  readonly #walk: Walk;
  readonly #written: Written[] = [];
  readonly #words = new Map<Entry, ChoiceWords>();
  readonly #brace: Word;
  readonly #comma: Word;

  constructor(walk: Walk) {
    this.#walk = walk;
    this.#brace = walk.segments.learn('}');
    this.#comma = walk.segments.learn(',');
  }

  begin(): void {
    this.count = 0;
  }

  /**
   * A member such as `valueQuantity`: key [key, close] with its quotes, value at `from`, in an object whose choices
   * begin at `since` and whose last member that stays ends at `keptEnd`.
   * @returns the offset past the value, or -1
   */
  choice(entry: Entry, key: number, close: number, from: number, since: number, keptEnd: number): number {
    const { segments } = this.#walk;
    for (let k = since; k < this.count; k++) {
      if (this.#written[k]?.entry.base === entry.base) return this.#mergeChoice(entry, from, since, keptEnd);
    }
    const words = this.#wordsOf(entry);
    const name = key + 1 + entry.base.length;
    if (close - key - 1 !== entry.bytes.length) {
      segments.cut(key, close + 1);
      segments.putText(`"${entry.base}":{"${entry.type}"`);
    } else {
      segments.cut(name, name + words.replaced);
      segments.put(words.middle);
    }
    const next = this.#walk.value(entry.node, from);
    if (next === -1) return -1;
    segments.cut(next, next);
    segments.put(this.#brace);
    this.#push({ entry, from: -1, close: segments.count - 1, brace: -1 });
    this.merged = false;
    return next;
  }

  /** A member such as `value`, in the storage format already. */
  stored(entry: Entry, from: number, since: number, keptEnd: number): number {
    const { segments, bytes, end } = this.#walk;
    const isObject = bytes[from] === OPEN_BRACE;
    const others = this.#sameElement(entry, since);
    const [first] = others;
    if (first === undefined) {
      const next = this.#walk.value(entry.node, from);
      if (next === -1) return -1;
      if (isObject && bytes[next - 1] !== CLOSE_BRACE) return this.#walk.fail('not-json');
      this.#push({ entry, from: isObject ? from : -1, close: -1, brace: next - 1 });
      this.merged = false;
      return next;
    }
    const clash = others.find(
      (other) => other.entry.action === Action.stored || !isObject || hasMember(bytes, from, end, other.entry.type),
    );
    if (clash !== undefined) return this.#walk.fail('two-forms', [clash.entry.key, entry.key]);
    const close = skipSpace(bytes, from + 1, end);
    if (bytes[close] === CLOSE_BRACE && close < end) {
      this.#push({ entry, from, close: first.close, brace: -1 });
      this.merged = true;
      return close + 1;
    }
    segments.cut(keptEnd, from + 1);
    const start = segments.count;
    segments.put(this.#comma);
    const next = this.#walk.value(entry.node, from);
    if (next === -1) return -1;
    // Brackets within a value that is skipped are counted only; what is left out here has to be its own one.
    if (bytes[next - 1] !== CLOSE_BRACE) return this.#walk.fail('not-json');
    segments.cut(next - 1, next);
    this.#push({ entry, from, close: this.#move(first, start, since), brace: -1 });
    this.merged = true;
    return next;
  }

  #mergeChoice(entry: Entry, from: number, since: number, keptEnd: number): number {
    const { segments, bytes, end } = this.#walk;
    const others = this.#sameElement(entry, since);
    const clash = others.find((other) => {
      if (other.entry.action === Action.choice) return other.entry === entry;
      return other.from === -1 || hasMember(bytes, other.from, end, entry.type);
    });
    const [first] = others;
    if (clash !== undefined || first === undefined) {
      return this.#walk.fail('two-forms', [clash?.entry.key ?? entry.base, entry.key]);
    }
    segments.cut(keptEnd, from);
    const words = this.#wordsOf(entry);
    const isFirst =
      others.length === 1 && first.from !== -1 && bytes[skipSpace(bytes, first.from + 1, end)] === CLOSE_BRACE;
    if (first.close === -1) first.close = this.#split(first.brace, since);
    const start = segments.count;
    segments.put(isFirst ? words.first : words.further);
    const next = this.#walk.value(entry.node, from);
    if (next === -1) return -1;
    segments.cut(next, next);
    const close = this.#move(first, start, since);
    this.#push({ entry, from: -1, close, brace: -1 });
    this.merged = true;
    return next;
  }

  /** Makes the closing brace in the line the beginning of a range of its own. */
  #split(brace: number, since: number): number {
    const { segments } = this.#walk;
    const before = segments.count;
    const at = segments.splitAt(brace);
    this.#shift(since, at, segments.count - before);
    return at;
  }

  /** Moves what was written since `start` to the end of the first one's object. @returns where that ends now */
  #move(first: Written, start: number, since: number): number {
    const target = first.close;
    const moved = this.#walk.segments.moveTo(target, start);
    this.#shift(since, target, moved);
    return target + moved;
  }

  #shift(since: number, from: number, by: number): void {
    for (let k = since; k < this.count; k++) {
      const written = this.#written[k];
      if (written !== undefined && written.close >= from) written.close += by;
    }
  }

  #sameElement({ base }: Entry, since: number): Written[] {
    return this.#written.slice(since, this.count).filter(({ entry }) => entry.base === base);
  }

  #push(written: Written): void {
    this.#written[this.count++] = written;
  }

  #wordsOf(entry: Entry): ChoiceWords {
    const known = this.#words.get(entry);
    if (known !== undefined) return known;
    const { segments } = this.#walk;
    const { base, key, type } = entry;
    const same = key.slice(base.length) === type;
    const words = {
      middle: segments.learn(same ? '":{"' : `":{"${type.charAt(0)}`),
      replaced: same ? 0 : 1,
      further: segments.learn(`,"${type}":`),
      first: segments.learn(`"${type}":`),
    };
    this.#words.set(entry, words);
    return words;
  }
}

function hasMember(b: Buffer, open: number, end: number, name: string): boolean {
  for (const { key } of membersOf(b, open, end)) if (key === name) return true;
  return false;
}
