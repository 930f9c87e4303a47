import { hasEscapes } from './scan.as';

// The definitions in memory, in u32 unless said otherwise; JS writes them (`node-tables.ts`).
//
// A node: shape, whether it is quiet, mask of its slots, address of its slots. A slot holds an entry's address or 0; an entry
// lies in the first free slot from that of its hash on.
//
// An entry: the key's first and last eight bytes (u64), its length, its address, the action, the node of the value or 0, the
// bit of its choice, the length of the choice's name, how much of the key behind that is replaced, by which word (u64) of which
// length, address and length of the resource type that is expected.

export const Shape_object: u32 = 0;
export const Shape_reference: u32 = 1;
export const Shape_resource: u32 = 2;

@inline
export function shapeOf(node: usize): u32 {
  return load<u32>(node);
}
@inline
export function isQuiet(node: usize): bool {
  return load<u32>(node, 4) != 0;
}

export const Action_descend: u32 = 1;
export const Action_choice: u32 = 2;
export const Action_stored: u32 = 3;
export const Action_meta: u32 = 4;
export const Action_reference: u32 = 5;
export const Action_referenceId: u32 = 6;
export const Action_referenceElementId: u32 = 7;
export const Action_referenceType: u32 = 8;
export const Action_referenceUri: u32 = 9;
export const Action_referenceLocal: u32 = 10;
export const Action_ownType: u32 = 11;
export const Action_rowId: u32 = 12;
export const Action_rowType: u32 = 13;
export const Action_lastUpdated: u32 = 14;
export const Action_versionId: u32 = 15;

@inline
export function actionOf(entry: usize): u32 {
  return load<u32>(entry, 24);
}
@inline
export function nodeOf(entry: usize): usize {
  return load<u32>(entry, 28);
}
@inline
export function choiceOf(entry: usize): u32 {
  return load<u32>(entry, 32);
}
@inline
export function nameLengthOf(entry: usize): usize {
  return load<u32>(entry, 36);
}
@inline
export function replacedOf(entry: usize): usize {
  return load<u32>(entry, 40);
}
@inline
export function wordLengthOf(entry: usize): u32 {
  return load<u32>(entry, 44);
}
@inline
export function wordOf(entry: usize): u64 {
  return load<u64>(entry, 48);
}
@inline
export function typeOf(entry: usize): usize {
  return load<u32>(entry, 56);
}
@inline
export function typeLengthOf(entry: usize): u32 {
  return load<u32>(entry, 60);
}

@inline
function firstOf(key: usize, length: u32): u64 {
  const bytes = load<u64>(key);
  return length >= 8 ? bytes : bytes & (((<u64>1) << (<u64>length << 3)) - 1);
}
@inline
function lastOf(key: usize, length: u32): u64 {
  return length > 8 ? load<u64>(key + length - 8) : 0;
}
@inline
function slotOf(first: u64, last: u64, length: u32, mask: u32): u32 {
  const mixed = (first ^ (<u64>length << 56)) * 0x9e3779b97f4a7c15 + last * 0xc2b2ae3d27d4eb4f;
  return <u32>(mixed >> 40) & mask;
}

/** Fills in what of an entry follows from its key, and puts it into a slot of the node. */
export function addEntry(node: usize, entry: usize): void {
  const length = load<u32>(entry, 16);
  const key: usize = load<u32>(entry, 20);
  const first = firstOf(key, length);
  const last = lastOf(key, length);
  store<u64>(entry, first);
  store<u64>(entry, last, 8);
  const mask = load<u32>(node, 8);
  const slots: usize = load<u32>(node, 12);
  let slot = slotOf(first, last, length, mask);
  while (load<u32>(slots + (slot << 2)) != 0) slot = (slot + 1) & mask;
  store<u32>(slots + (slot << 2), <u32>entry);
}

/** The node's entry of the key of `length` bytes at `key`, or 0. */
@inline
export function find(node: usize, key: usize, length: u32): usize {
  const mask = load<u32>(node, 8);
  const slots: usize = load<u32>(node, 12);
  const first = firstOf(key, length);
  const last = lastOf(key, length);
  let slot = slotOf(first, last, length, mask);
  while (true) {
    const entry: usize = load<u32>(slots + (slot << 2));
    if (entry == 0) return 0;
    if (load<u64>(entry) == first && load<u64>(entry, 8) == last && load<u32>(entry, 16) == length) {
      if (length <= 16 || isSame(load<u32>(entry, 20), key, length)) return entry;
    }
    slot = (slot + 1) & mask;
  }
}

/** Whether the same bytes are at both places. */
export function isSame(one: usize, other: usize, length: u32): bool {
  for (let i: u32 = 0; i < length; i++) if (load<u8>(one + i) != load<u8>(other + i)) return false;
  return true;
}

/** Whether [from, to) holds a backslash. */
@inline
export function isEscaped(from: usize, to: usize): bool {
  return hasEscapes && holdsBackslash(from, to);
}

function holdsBackslash(from: usize, to: usize): bool {
  for (let at = from; at < to; at++) if (load<u8>(at) == 0x5c) return true;
  return false;
}
