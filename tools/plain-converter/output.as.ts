import { INPUT, OUTPUT } from './memory-map.as';

/** Where the next byte of the converted text goes. */
export let out: usize = OUTPUT;
/** The bytes of the line up to here are written, or left out. */
export let copied: usize = INPUT;

export function beginOutput(): void {
  out = OUTPUT;
  copied = INPUT;
}

/** Lets the bytes up to `at` stand, and leaves out those from there to `next`. */
@inline
export function cut(at: usize, next: usize): void {
  if (at > copied) copyTo(at);
  if (next > copied) copied = next;
}

function copyTo(at: usize): void {
  let from = copied;
  let to = out;
  out = to + (at - from);
  // Whole blocks, some bytes too many: what comes next is written over them.
  do {
    v128.store(to, v128.load(from));
    from += 16;
    to += 16;
  } while (from < at);
  copied = at;
}

/** Writes up to eight bytes. */
@inline
export function put(word: u64, length: u32): void {
  store<u64>(out, word);
  out += length;
}

/** Writes up to 16 bytes. */
@inline
export function putWide(word: v128, length: u32): void {
  v128.store(out, word);
  out += length;
}

/** Writes an underscore between what was written before `at` and since. */
export function insertUnderscore(at: usize): void {
  memory.copy(at + 1, at, out - at);
  store<u8>(at, 0x5f);
  out++;
}

/** Takes back what was written since the output stood at `place` and the line at `from`. */
export function rewind(place: usize, from: usize): void {
  out = place;
  copied = from;
}
