import { CLOSE_BRACE, OPEN_BRACE } from '../json-bytes.ts';
import { skipSpace } from '../json-scan.ts';
import { membersOf } from './members.ts';
import { Action, type Entry } from './node.ts';
import type { Word } from './segments.ts';
import type { Walk } from './walk.ts';
import { WrittenChoices } from './written-choices.ts';

/**
 * Writes `valueQuantity: X` as `value: {"Quantity": X}`. Where one element has several values, they become members of
 * one object, at the place of the first: two keys `value` would leave only the last in a jsonb.
 */
export class ChoiceWriter {
  /** Whether the member written last went into an earlier one's object. */
  merged = false;
  readonly written: WrittenChoices;

  readonly #walk: Walk;
  readonly #brace: Word;
  readonly #comma: Word;

  constructor(walk: Walk) {
    this.#walk = walk;
    this.written = new WrittenChoices(walk.segments);
    this.#brace = walk.segments.learn('}');
    this.#comma = walk.segments.learn(',');
  }

  /**
   * A member such as `valueQuantity`: key [key, close] with its quotes, value at `from`, in an object whose choices
   * begin at `since` and whose last member that stays ends at `keptEnd`.
   * @returns the offset past the value, or -1
   */
  choice(entry: Entry, key: number, close: number, from: number, since: number, keptEnd: number): number {
    const merges = this.written.ofElement(entry, since).length > 0;
    const next = merges ? this.#mergeChoice(entry, from, since, keptEnd) : this.#writeChoice(entry, key, close, from);
    this.merged = merges;
    return next;
  }

  /** A member such as `value`, in the storage format already. */
  stored(entry: Entry, from: number, since: number, keptEnd: number): number {
    const merges = this.written.ofElement(entry, since).length > 0;
    const next = merges ? this.#mergeStored(entry, from, since, keptEnd) : this.#keepStored(entry, from);
    this.merged = merges;
    return next;
  }

  #writeChoice(entry: Entry, key: number, close: number, from: number): number {
    const { segments } = this.#walk;
    segments.cut(key, close + 1);
    segments.putText(`"${entry.base}":{"${entry.type}"`);
    const next = this.#walk.value(entry.node, from);
    if (next === -1) return -1;
    segments.cut(next, next);
    segments.put(this.#brace);
    this.written.add({ entry, from: -1, close: segments.count - 1, brace: -1 });
    return next;
  }

  #keepStored(entry: Entry, from: number): number {
    const { bytes } = this.#walk;
    const isObject = bytes[from] === OPEN_BRACE;
    const next = this.#walk.value(entry.node, from);
    if (next === -1) return -1;
    if (isObject && bytes[next - 1] !== CLOSE_BRACE) return this.#walk.fail('not-json');
    this.written.add({ entry, from: isObject ? from : -1, close: -1, brace: next - 1 });
    return next;
  }

  #mergeStored(entry: Entry, from: number, since: number, keptEnd: number): number {
    const { segments, bytes, end } = this.#walk;
    const isObject = bytes[from] === OPEN_BRACE;
    const others = this.written.ofElement(entry, since);
    const [first] = others;
    const clash = others.find(
      (other) => other.entry.action === Action.stored || !isObject || hasMember(bytes, from, end, other.entry.type),
    );
    if (clash !== undefined || first === undefined) {
      return this.#walk.fail('two-forms', [clash?.entry.key ?? entry.base, entry.key]);
    }
    const close = skipSpace(bytes, from + 1, end);
    if (bytes[close] === CLOSE_BRACE && close < end) {
      this.written.add({ entry, from, close: first.close, brace: -1 });
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
    this.written.add({ entry, from, close: this.written.moveInto(first, start, since), brace: -1 });
    return next;
  }

  #mergeChoice(entry: Entry, from: number, since: number, keptEnd: number): number {
    const { segments, bytes, end } = this.#walk;
    const others = this.written.ofElement(entry, since);
    const clash = others.find((other) => {
      if (other.entry.action === Action.choice) return other.entry === entry;
      return other.from === -1 || hasMember(bytes, other.from, end, entry.type);
    });
    const [first] = others;
    if (clash !== undefined || first === undefined) {
      return this.#walk.fail('two-forms', [clash?.entry.key ?? entry.base, entry.key]);
    }
    segments.cut(keptEnd, from);
    const isFirst =
      others.length === 1 && first.from !== -1 && bytes[skipSpace(bytes, first.from + 1, end)] === CLOSE_BRACE;
    if (first.close === -1) first.close = this.written.split(first.brace, since);
    const start = segments.count;
    segments.putText(`${isFirst ? '' : ','}"${entry.type}":`);
    const next = this.#walk.value(entry.node, from);
    if (next === -1) return -1;
    segments.cut(next, next);
    this.written.add({ entry, from: -1, close: this.written.moveInto(first, start, since), brace: -1 });
    return next;
  }
}

function hasMember(b: Buffer, open: number, end: number, name: string): boolean {
  for (const { key } of membersOf(b, open, end)) if (key === name) return true;
  return false;
}
