import {
  Action_choice,
  Action_descend,
  Action_meta,
  Action_ownType,
  Action_rowId,
  Action_stored,
  Shape_object,
  Shape_reference,
  actionOf,
  choiceOf,
  find,
  isEscaped,
  isQuiet,
  isSame,
  nameLengthOf,
  nodeOf,
  replacedOf,
  shapeOf,
  typeLengthOf,
  typeOf,
  wordLengthOf,
  wordOf,
} from './lookup.as';
import { copied, cut, out, put, rewind } from './output.as';
import { enterReference, leaveReference, referenceMember } from './references.as';
import { typeOfResource } from './resource-type.as';
import { beginRow, takeColumn, takeMeta } from './row.as';
import { closeOf, nextQuote } from './scan.as';
import { end, isBracket, mayHaveExtension, skip, skipSpace } from './values.as';

/** Deepest nesting of elements; JS converts deeper ones itself, or refuses them. */
const MAX_DEPTH: u32 = 128;

let depth: u32 = 0;
/** Whether nothing stayed in the object that ended last. */
let empty: bool = false;
/** The node whose keys are the types that a resource within another may have. */
let resources: usize = 0;

export function beginObjects(resourceTypes: usize): void {
  depth = 0;
  resources = resourceTypes;
  beginRow();
}

/** Converts the value at `from`. Gives the address past it, or 0. */
@inline
function value(node: usize, from: usize): usize {
  const first: u32 = load<u8>(from);
  if (!isBracket(first)) return skip(from);
  if (node == 0) return closeOf(from) + 1;
  if (isQuiet(node)) {
    const close = closeOf(from);
    if (!mayHaveExtension(from, close)) return close + 1;
  }
  return first == 0x7b ? objectOf(node, from) : array(node, from);
}

function array(node: usize, open: usize): usize {
  let at = skipSpace(open + 1);
  if (load<u8>(at) == 0x5d) return at + 1;
  while (true) {
    at = load<u8>(at) == 0x7b ? objectOf(node, at) : skip(at);
    if (at == 0) return 0;
    if (load<u8>(at) != 0x2c) at = skipSpace(at);
    const byte = load<u8>(at);
    if (byte == 0x5d) return at + 1;
    if (byte != 0x2c) return 0;
    at = skipSpace(at + 1);
  }
}

function objectOf(node: usize, open: usize): usize {
  const shape = shapeOf(node);
  if (shape == Shape_object) return object(node, open);
  if (shape == Shape_reference) {
    const outer = enterReference();
    const next = object(node, open);
    leaveReference(outer, next);
    return next;
  }
  const type = typeOfResource(open);
  if (type == 0) return 0;
  const close = nextQuote(type);
  const entry = find(resources, type, <u32>(close - type));
  return entry == 0 ? 0 : object(nodeOf(entry), open);
}

/** Converts the object at `open`. Gives the address past it, or 0. */
export function object(node: usize, open: usize): usize {
  if (++depth > MAX_DEPTH) return 0;
  /** Choices written, one bit each. */
  let choices: u32 = 0;
  /** Where the last member that stays ends; 0 before there is one. */
  let keptEnd: usize = 0;
  let at = skipSpace(open + 1);
  if (load<u8>(at) != 0x7d) {
    while (true) {
      if (load<u8>(at) != 0x22) return 0;
      if (keptEnd == 0 && copied > open) cut(open + 1, at);
      const close = nextQuote(at + 1);
      if (close >= end || isEscaped(at, close)) return 0;
      const entry = find(node, at + 1, <u32>(close - at - 1));
      let from = close + 1;
      if (load<u8>(from) != 0x3a) {
        from = skipSpace(from);
        if (load<u8>(from) != 0x3a) return 0;
      }
      from++;
      if (load<u8>(from) <= 0x20) from = skipSpace(from);

      let next: usize = 0;
      let kept = true;
      if (entry == 0) next = skip(from);
      else {
        const action = actionOf(entry);
        if (action == Action_descend) next = value(nodeOf(entry), from);
        else if (action == Action_choice) {
          const choice = choiceOf(entry);
          if ((choices & choice) != 0) return 0;
          choices |= choice;
          const name = at + 1 + nameLengthOf(entry);
          cut(name, name + replacedOf(entry));
          put(wordOf(entry), wordLengthOf(entry));
          next = value(nodeOf(entry), from);
          if (next == 0) return 0;
          cut(next, next);
          put(0x7d, 1);
        } else if (action == Action_stored) {
          const choice = choiceOf(entry);
          if ((choices & choice) != 0) return 0;
          choices |= choice;
          next = value(nodeOf(entry), from);
          if (next == 0 || (load<u8>(from) == 0x7b && load<u8>(next - 1) != 0x7d)) return 0;
        } else if (action == Action_meta) {
          if (!takeMeta()) return 0;
          next = skip(from);
          if (load<u8>(from) == 0x7b) {
            const placeBefore = out;
            const copiedBefore = copied;
            next = object(nodeOf(entry), from);
            kept = !empty;
            if (empty) rewind(placeBefore, copiedBefore);
          }
        } else if (action == Action_ownType) {
          next = skip(from);
          if (load<u8>(from) != 0x22 || next - from - 2 != typeLengthOf(entry)) return 0;
          if (!isSame(typeOf(entry), from + 1, typeLengthOf(entry))) return 0;
        } else if (action >= Action_rowId) {
          next = skip(from);
          if (next == 0 || load<u8>(from) != 0x22 || !takeColumn(entry, from, next)) return 0;
          kept = false;
        } else next = referenceMember(entry, at, close, from);
      }
      if (next == 0) return 0;
      if (kept) keptEnd = next;
      else cut(keptEnd == 0 ? open + 1 : keptEnd, next);

      at = next;
      if (load<u8>(at) != 0x2c) {
        at = skipSpace(at);
        if (load<u8>(at) == 0x7d) break;
        if (load<u8>(at) != 0x2c) return 0;
      }
      at++;
      if (load<u8>(at) != 0x22) at = skipSpace(at);
    }
  }
  depth--;
  empty = keptEnd == 0;
  return at + 1;
}
