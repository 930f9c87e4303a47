import {
  Action_lastUpdated,
  Action_rowId,
  Action_rowType,
  actionOf,
  isEscaped,
  isSame,
  typeLengthOf,
  typeOf,
} from './lookup.as';
import { INPUT, RESULT } from './memory-map.as';

// What of a line becomes columns: places in the line, from its beginning. An end of 0 says that there is none.
const ID_FROM: usize = RESULT;
const ID_TO: usize = RESULT + 4;
const UPDATED_FROM: usize = RESULT + 8;
const UPDATED_TO: usize = RESULT + 12;

const MAX_ID: usize = 64;

let typeSeen: bool = false;
let metaSeen: bool = false;

export function beginRow(): void {
  store<u32>(ID_TO, 0);
  store<u32>(UPDATED_TO, 0);
  typeSeen = false;
  metaSeen = false;
}

/** Whether there was none before. */
export function takeMeta(): bool {
  const isFirst = !metaSeen;
  metaSeen = true;
  return isFirst;
}

/** Whether the string [from, to), quotes included, is fine to become a column, and the first for it. */
export function takeColumn(entry: usize, from: usize, to: usize): bool {
  const action = actionOf(entry);
  if (action == Action_rowId) return takeId(from + 1, to - 1);
  if (action == Action_rowType) return takeType(from + 1, to - 1, typeOf(entry), typeLengthOf(entry));
  return takeLastUpdated(from, to, action == Action_lastUpdated);
}

/** Whether [from, to) is a fine `id`, and the first. */
function takeId(from: usize, to: usize): bool {
  if (load<u32>(ID_TO) != 0 || from == to || to - from > MAX_ID || !isPlain(from, to)) return false;
  store<u32>(ID_FROM, <u32>(from - INPUT));
  store<u32>(ID_TO, <u32>(to - INPUT));
  return true;
}

/** Whether [from, to) is the expected `resourceType`, and the first. */
function takeType(from: usize, to: usize, expected: usize, length: u32): bool {
  if (typeSeen || to - from != length || !isSame(expected, from, length)) return false;
  typeSeen = true;
  return true;
}

/** A string [from, to), quotes included, of `meta` that is left out: Postgres does not see whether it is valid. */
function takeLastUpdated(from: usize, to: usize, isLastUpdated: bool): bool {
  if (!isPlain(from + 1, to - 1)) return false;
  if (!isLastUpdated) return true;
  if (load<u32>(UPDATED_TO) != 0) return false;
  store<u32>(UPDATED_FROM, <u32>(from - INPUT));
  store<u32>(UPDATED_TO, <u32>(to - INPUT));
  return true;
}

/** Whether all bytes are ASCII's letters, digits and signs, none of them escaped. */
function isPlain(from: usize, to: usize): bool {
  for (let at = from; at < to; at++) {
    const byte = load<u8>(at);
    if (byte < 0x20 || byte > 0x7e) return false;
  }
  return !isEscaped(from, to);
}
