// AssemblyScript, built to src/target/row-hashes-wasm.ts by `npm run row-hashes`.
// Numbers the rows of a chunk in COPY's binary form, and gives each its hash.
import { HASH_BYTES, hash, resume, suspend, useKey } from './highway-hash.as';
import { DEFAULT_TS, ENDS, FIELDS, INPUT, INPUT_BYTES, KEY, MEMORY_BYTES, MOST_ROWS, RESULT } from './memory-map.as';

/** Why it stopped: at the end of what is there, perhaps within a row; at the trailer; at what is no row. */
const ENDED: u32 = 0;
const TRAILER: u32 = 1;
const MALFORMED: u32 = 2;

const COUNT_BYTES: usize = 2;
const LENGTH_BYTES: usize = 4;
const NUMBER_BYTES: u32 = 8;
const TS_BYTES: u32 = 8;
/** What a row begins with: the count of its fields, its number, its hash. */
const NUMBER: usize = COUNT_BYTES + LENGTH_BYTES;
const HASH: usize = NUMBER + NUMBER_BYTES + LENGTH_BYTES;
const HASHED: usize = HASH + HASH_BYTES;
const TS: usize = HASHED + LENGTH_BYTES;
/** -infinity in Postgres's binary form, as it lies in memory; no resource has it. */
const NO_TS: u64 = 0x80;

export function grow(): void {
  memory.grow(<i32>(MEMORY_BYTES >> 16));
}
export function result(): usize {
  return RESULT;
}
export function key(): usize {
  return KEY;
}
export function defaultTs(): usize {
  return DEFAULT_TS;
}
export function input(): usize {
  return INPUT;
}
export function inputBytes(): u32 {
  return INPUT_BYTES;
}
export function ends(): usize {
  return ENDS;
}
export function mostRows(): u32 {
  return MOST_ROWS;
}
export function fields(): usize {
  return FIELDS;
}
/** Takes the key that is in memory. */
export function takeKey(): void {
  useKey();
}

@inline
function int32(at: usize): u32 {
  return bswap<u32>(load<u32>(at));
}

/** Where the row at `at` ends; 0 where it is not whole, 1 where it is no row with those fields before its others. */
function rowEnd(at: usize, end: usize, dated: bool): usize {
  const count = <i32>(<i16>bswap<u16>(load<u16>(at)));
  const fewest = dated ? 3 : 2;
  if (count < fewest) return 1;
  let to = at + COUNT_BYTES;
  for (let field = 0; field < count; field++) {
    if (to + LENGTH_BYTES > end) return 0;
    const length = int32(to);
    // A length is a signed number; -1 is a null.
    if (length >= 0x80000000) return 1;
    if (field == 0 && length != NUMBER_BYTES) return 1;
    if (field == 1 && length != <u32>HASH_BYTES) return 1;
    if (dated && field == 2 && length != TS_BYTES) return 1;
    to += LENGTH_BYTES + length;
    if (to > end) return 0;
  }
  return to;
}

/**
 * Takes the whole rows of the input, which has so many bytes. The first is numbered `firstRow`; where their third field is a `ts`, what
 * has the default one is hashed without. Gives how many; writes where each ends to ENDS, and its hash with its length to FIELDS.
 */
export function take(bytes: u32, firstRow: f64, dated: bool): u32 {
  const end = INPUT + bytes;
  let at = INPUT;
  let rows: u32 = 0;
  let number = <u64>firstRow;
  let why = ENDED;
  while (at + COUNT_BYTES <= end) {
    if (load<u16>(at) == 0xffff) {
      why = TRAILER;
      break;
    }
    const to = rowEnd(at, end, dated);
    if (to <= 1) {
      if (to == 1) why = MALFORMED;
      break;
    }
    store<u64>(at + NUMBER, bswap<u64>(number));
    if (dated && load<u64>(at + TS) == load<u64>(DEFAULT_TS)) {
      store<u64>(at + TS, NO_TS);
      hash(at + HASHED, to, at + HASH);
      store<u64>(at + TS, load<u64>(DEFAULT_TS));
    } else hash(at + HASHED, to, at + HASH);
    store<u32>(ENDS + 4 * rows, <u32>(to - INPUT));
    const field = FIELDS + (LENGTH_BYTES + HASH_BYTES) * rows;
    store<u32>(field, bswap<u32>(<u32>HASH_BYTES));
    v128.store(field + LENGTH_BYTES, v128.load(at + HASH));
    at = to;
    rows++;
    number++;
  }
  store<u32>(RESULT, <u32>(at - INPUT));
  store<u32>(RESULT + 4, why);
  return rows;
}

/** Begins the hash of bytes that come in parts. */
export function begin(): void {
  suspend();
}
/** Takes a part of them, a multiple of 32 bytes, which is the input. */
export function more(bytes: u32): void {
  resume(INPUT, INPUT + bytes, 0);
}
/** Takes the last of them; the hash is then the first in FIELDS. */
export function last(bytes: u32): void {
  resume(INPUT, INPUT + bytes, FIELDS + LENGTH_BYTES);
}
