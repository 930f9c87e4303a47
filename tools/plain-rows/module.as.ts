// AssemblyScript, built to src/pipeline/plain-rows-wasm.ts by `npm run plain-rows`.
// Makes COPY's rows of lines that hold nothing unusual, as `ResourceScanner` and `CopyRowWriter` do; it gives up on all others.
// Beside that it sums up what is unpacked into its memory.

import { FOLD_AREA_BYTES, fold, LAST, LAST_BYTES } from './crc32.as';

/** Three u32: where in the memory the first line begins that was left, why it stopped, and which stream has no room. */
const RESULT: usize = 1024;
/** Two u32 for each stream of rows: where its next row begins, and where its room ends. */
const STREAMS: usize = 1280;
const STREAM_COUNT: u32 = 64;
/** How a line begins, up to the id. */
const FRONT: usize = 2048;
/** How a row begins, up to the id's field. */
const PREFIX: usize = 4096;
/** Most bytes of either. */
const HEAD_BYTES: u32 = 2048;
const INPUT: usize = 8192;
const INPUT_BYTES: u32 = 256 * 1024;
/** Behind the input is room for a whole last block. */
const OUTPUT: usize = INPUT + INPUT_BYTES + 128;
const OUTPUT_BYTES: u32 = 256 * 1024;
const FOLD_AREA: usize = (OUTPUT + OUTPUT_BYTES + 128 + 63) & ~63;
/** Buffers that lines are read from and rows are written to in place. Behind each, as behind the output, is room for a whole last block. */
const SLOTS: usize = (FOLD_AREA + FOLD_AREA_BYTES + 4095) & ~4095;
const SLOT_BYTES: u32 = 256 * 1024;
const SLOT_STRIDE: usize = SLOT_BYTES + 4096;
const SLOT_COUNT: usize = 32;

/** Why it stopped: at a line that is not plain, at a row that has no room, at the end of the input. */
const UNUSUAL: u32 = 0;
const FULL: u32 = 1;
const ENDED: u32 = 2;

/** The most of an id, in bytes. */
const MOST_ID: usize = 64;
/** Lower than any place in a line: what `copyLine` gives instead of one. */
const NO_END: usize = 0;
const OWN_KEY: usize = 1;
const NO_ROOM: usize = 2;

/** `id`, `Type` and `resource` as little-endian numbers, and `\u00`. */
const ID: u16 = 0x6469;
const TYPE: u32 = 0x65707954;
const RESOURCE: u64 = 0x656372756f736572;
const ESCAPE: u32 = 0x3030755c;

export function grow(): void {
  memory.grow(<i32>((SLOTS + SLOT_COUNT * SLOT_STRIDE) >> 16) + 1);
}
export function result(): usize {
  return RESULT;
}
export function streams(): usize {
  return STREAMS;
}
export function streamCount(): u32 {
  return STREAM_COUNT;
}
export function front(): usize {
  return FRONT;
}
export function prefix(): usize {
  return PREFIX;
}
export function headBytes(): u32 {
  return HEAD_BYTES;
}
export function input(): usize {
  return INPUT;
}
export function inputBytes(): u32 {
  return INPUT_BYTES;
}
export function output(): usize {
  return OUTPUT;
}
export function outputBytes(): u32 {
  return OUTPUT_BYTES;
}
export function slots(): usize {
  return SLOTS;
}
export function slotBytes(): u32 {
  return SLOT_BYTES;
}
export function slotStride(): usize {
  return SLOT_STRIDE;
}
export function slotCount(): u32 {
  return <u32>SLOT_COUNT;
}
export function lastFolded(): usize {
  return FOLD_AREA + LAST;
}
export function lastFoldedBytes(): u32 {
  return <u32>LAST_BYTES;
}
export function foldCrc32(data: usize, length: usize, register: u32): u32 {
  return fold(FOLD_AREA, data, length, register);
}

@inline
function isSpace(byte: u8): bool {
  return byte == 0x20 || byte == 0x09 || byte == 0x0d;
}

/** Whether the string [quote, end) stands between a comma and a colon. */
function isKey(quote: usize, end: usize): bool {
  let after = end;
  while (isSpace(load<u8>(after))) after++;
  if (load<u8>(after) != 0x3a) return false;
  let before = quote - 1;
  while (isSpace(load<u8>(before))) before--;
  return load<u8>(before) == 0x2c;
}

/** Whether a key `id` or `resourceType` of any object, perhaps with escapes, may be at a marked place; as `KeyScanner` has it. */
function mayBeOwnKey(at: usize): bool {
  const byte = load<u8>(at);
  if (byte == 0x69) return load<u8>(at - 1) == 0x22 && isKey(at - 1, at + 3);
  if (byte == 0x54) {
    if (load<u32>(at) != TYPE || load<u8>(at + 4) != 0x22) return false;
    return load<u64>(at - 8) == RESOURCE && load<u8>(at - 9) == 0x22 && isKey(at - 9, at + 5);
  }
  if (load<u32>(at) != ESCAPE) return false;
  const sixteens = load<u8>(at + 4);
  return sixteens == 0x35 || sixteens == 0x36 || sixteens == 0x37;
}

@inline
function skipSpace(from: usize): usize {
  let at = from;
  while (isSpace(load<u8>(at))) at++;
  return at;
}

/** The quote that ends the string whose first character is at `from`; 0 where it does not end before the line or the input does. */
function stringEnd(from: usize, end: usize): usize {
  for (let at = from; at < end; at++) {
    let byte = load<u8>(at);
    if (byte == 0x22) return at;
    if (byte == 0x5c) byte = load<u8>(++at);
    if (byte == 0x0a) return 0;
  }
  return 0;
}

/** The place behind the value at `from`, as `valueEnd` of json-scan.ts has it; 0 where it does not end before the line or the input does. */
function valueEnd(from: usize, end: usize): usize {
  const first = load<u8>(from);
  if (first == 0x22) {
    const close = stringEnd(from + 1, end);
    return close == 0 ? 0 : close + 1;
  }
  if ((first | 0x20) != 0x7b) {
    for (let at = from; at < end; at++) {
      const byte = load<u8>(at);
      if (byte == 0x2c || (byte | 0x20) == 0x7d || isSpace(byte)) return at == from ? 0 : at;
      if (byte == 0x22 || byte == 0x0a) return 0;
    }
    return 0;
  }
  let depth = 0;
  for (let at = from; at < end; at++) {
    const byte = load<u8>(at);
    if (byte == 0x22) {
      at = stringEnd(at + 1, end);
      if (at == 0) return 0;
    } else if ((byte | 0x20) == 0x7b) depth++;
    else if ((byte | 0x20) == 0x7d) {
      if (--depth == 0) return at + 1;
    } else if (byte == 0x0a) return 0;
  }
  return 0;
}

/** Whether the resource's key between the quotes is another than `id` and `resourceType`, and has no escapes. */
function isOther(quote: usize, close: usize): bool {
  const length = <u32>(close - quote) - 1;
  if (length == 2 && load<u16>(quote + 1) == ID) return false;
  if (length == 12 && load<u64>(quote + 1) == RESOURCE && load<u32>(quote + 9) == TYPE) return false;
  for (let at = quote + 1; at < close; at++) if (load<u8>(at) == 0x5c) return false;
  return true;
}

/**
 * Walks the resource's members from the one whose key is at `from` on, until one begins behind `place`, as `ResourceScanner` does. Gives
 * where that one begins, or the line feed behind the last; 0 where it is for the scanner to say what the line is.
 */
function memberBehind(from: usize, place: usize, end: usize): usize {
  let at = from;
  while (at <= place) {
    if (load<u8>(at) != 0x22) return 0;
    const close = stringEnd(at + 1, end);
    if (close == 0 || !isOther(at, close)) return 0;
    at = skipSpace(close + 1);
    if (load<u8>(at) != 0x3a) return 0;
    at = valueEnd(skipSpace(at + 1), end);
    if (at == 0) return 0;
    at = skipSpace(at);
    if (load<u8>(at) == 0x7d) {
      at = skipSpace(at + 1);
      return load<u8>(at) == 0x0a ? at : 0;
    }
    if (load<u8>(at) != 0x2c) return 0;
    at = skipSpace(at + 1);
  }
  return load<u8>(at) == 0x22 ? at : 0;
}

/** Copies 16 bytes. Gives of them: line feeds, and where `id"`, `Ty` and `\u` begin. */
@inline
function copyBlock(at: usize, out: usize): v128 {
  const a = v128.load(at);
  v128.store(out, a);
  const b = v128.load(at, 1);
  const c = v128.load(at, 2);
  const id = v128.and(
    v128.and(i8x16.eq(a, i8x16.splat(0x69)), i8x16.eq(b, i8x16.splat(0x64))),
    i8x16.eq(c, i8x16.splat(0x22)),
  );
  const type = v128.and(i8x16.eq(a, i8x16.splat(0x54)), i8x16.eq(b, i8x16.splat(0x79)));
  const escape = v128.and(i8x16.eq(a, i8x16.splat(0x5c)), i8x16.eq(b, i8x16.splat(0x75)));
  return v128.or(v128.or(i8x16.eq(a, i8x16.splat(0x0a)), id), v128.or(type, escape));
}

/**
 * Copies a line from a key on, at `from`, to `out`, and up to 64 bytes more. Gives where its line feed is; NO_END where there is none, OWN_KEY
 * where such a key of the resource itself may be before it, NO_ROOM where the copy passes `outEnd`.
 */
function copyLine(from: usize, end: usize, out: usize, outEnd: usize): usize {
  /** Up to there the resource's own keys are known. */
  let checked = from;
  for (let at = from; at < end; at += 64, out += 64) {
    if (out > outEnd) return NO_ROOM;
    const a = copyBlock(at, out);
    const b = copyBlock(at + 16, out + 16);
    const c = copyBlock(at + 32, out + 32);
    const d = copyBlock(at + 48, out + 48);
    if (!v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) continue;
    let bits =
      <u64>(<u32>i8x16.bitmask(a) | (<u32>i8x16.bitmask(b) << 16)) |
      (<u64>(<u32>i8x16.bitmask(c) | (<u32>i8x16.bitmask(d) << 16)) << 32);
    while (bits != 0) {
      const place = at + <usize>ctz(bits);
      if (place >= end) return NO_END;
      if (load<u8>(place) == 0x0a) return place;
      if (place >= checked && mayBeOwnKey(place)) {
        checked = memberBehind(checked, place, end);
        if (checked == 0) return OWN_KEY;
      }
      bits &= bits - 1;
    }
  }
  return NO_END;
}

/** Copies short bytes, and up to 15 more. */
@inline
function copyShort(to: usize, from: usize, bytes: u32): void {
  for (let i: u32 = 0; i < bytes; i += 16) v128.store(to + i, v128.load(from + i));
}

@inline
function isSame(a: usize, b: usize, length: u32): bool {
  let i: u32 = 0;
  for (; i + 8 <= length; i += 8) if (load<u64>(a + i) != load<u64>(b + i)) return false;
  for (; i < length; i++) if (load<u8>(a + i) != load<u8>(b + i)) return false;
  return true;
}

/** The quote that ends a plain id which begins at `from`, with a comma and another quote behind it; 0 where there is none. */
@inline
function idEnd(from: usize, end: usize): usize {
  const limit = min(from + MOST_ID, end - 3);
  let at = from;
  while (at < limit) {
    const byte = load<u8>(at);
    if (byte == 0x22 || byte < 0x20 || byte == 0x5c || byte >= 0x80) break;
    at++;
  }
  return at > from && load<u8>(at) == 0x22 && load<u16>(at + 1) == 0x222c ? at : 0;
}

/** The stream of an id among so many, as `RowEncoder` has it. */
@inline
function streamOf(id: usize, bytes: u32, streams: u32): u32 {
  let hash: u32 = 0x811c9dc5;
  for (let i: u32 = 0; i < bytes; i++) hash = (hash ^ load<u8>(id + i)) * 0x01000193;
  return (hash ^ (hash >>> 15)) % streams;
}

@inline
function putInt32(at: usize, value: u32): void {
  store<u32>(at, bswap<u32>(value));
}

/**
 * Writes the rows of the lines in [line, end) to so many streams, until a line is not plain or a stream has no room. A byte that is no
 * white space follows the lines, and a block that may be read; behind each stream's room is a block that may be written to. Gives how many.
 */
export function write(
  line: usize,
  end: usize,
  streams: u32,
  frontBytes: u32,
  prefixBytes: u32,
  maxLineBytes: u32,
): u32 {
  let rows: u32 = 0;
  let stream: u32 = 0;
  let why = ENDED;
  while (line < end) {
    const idFrom = line + frontBytes;
    if (idFrom + 3 > end) break;
    why = UNUSUAL;
    if (!isSame(FRONT, line, frontBytes)) break;
    const idTo = idEnd(idFrom, end);
    if (idTo == 0) {
      if (idFrom + MOST_ID + 3 > end) why = ENDED;
      break;
    }
    const rest = idTo + 2;
    const idBytes = <u32>(idTo - idFrom);
    if (streams > 1) stream = streamOf(idFrom, idBytes, streams);
    const place = STREAMS + (<usize>stream << 3);
    const out = <usize>load<u32>(place);
    const outEnd = <usize>load<u32>(place + 4);
    const id = out + prefixBytes;
    const json = id + 4 + idBytes;
    why = FULL;
    if (json + 6 > outEnd) break;
    copyShort(out, PREFIX, prefixBytes);
    putInt32(id, idBytes);
    copyShort(id + 4, idFrom, idBytes);
    const feed = copyLine(rest, end, json + 6, outEnd);
    if (feed == NO_ROOM) break;
    why = UNUSUAL;
    if (feed == OWN_KEY) break;
    why = ENDED;
    if (feed == NO_END) break;
    why = UNUSUAL;
    if (<u32>(feed - line) > maxLineBytes) break;
    const restBytes = <u32>(feed - rest);
    why = FULL;
    if (json + 6 + restBytes > outEnd) break;
    putInt32(json, restBytes + 2);
    // jsonb's version, and the brace that the line begins with.
    store<u16>(json + 4, 0x7b01);
    why = ENDED;
    store<u32>(place, <u32>(json + 6 + restBytes));
    rows++;
    line = feed + 1;
  }
  store<u32>(RESULT, <u32>line);
  store<u32>(RESULT + 4, why);
  store<u32>(RESULT + 8, stream);
  return rows;
}
