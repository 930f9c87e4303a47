import {
  Action_reference,
  Action_referenceElementId,
  Action_referenceId,
  Action_referenceType,
  Action_referenceUri,
  actionOf,
} from './lookup.as';
import { INPUT, MOST_OPEN_REFERENCES, OPEN_REFERENCES, OUTPUT } from './memory-map.as';
import { copied, cut, insertUnderscore, out, put, putWide } from './output.as';
import { UNKNOWN, idEnd, slashLength, typeEnd } from './reference-text.as';
import { nextQuote } from './scan.as';
import { end, skip } from './values.as';

// What has been met in the Reference so far, one bit each.
const REFERENCE: u32 = 1;
const ID: u32 = 2;
const ELEMENT_ID: u32 = 4;
/** `resourceType`, `uri` or `localRef`: it is in the storage format. */
const STORED: u32 = 8;
/** The first of these: its `id` is that of the resource referred to. */
const TYPE: u32 = 16;

let met: u32 = 0;
/** Where in the output a key `id` has its first letter, of which form nothing has told yet; 0 where there is none. */
let idPlace: usize = 0;
/** Open references written so far, and whether they are to be. */
export let openCount: u32 = 0;
let listsOpen: bool = false;

export function beginReferences(withOpen: bool): void {
  met = 0;
  idPlace = 0;
  openCount = 0;
  listsOpen = withOpen;
}

/** A Reference begins. Gives what `leaveReference` takes: a Reference may lie within another one. */
@inline
export function enterReference(): u64 {
  const outer = ((<u64>idPlace) << 32) | <u64>met;
  met = 0;
  idPlace = 0;
  return outer;
}

/** The Reference ended at `next`. */
@inline
export function leaveReference(outer: u64, next: usize): void {
  if (idPlace != 0 && (met & TYPE) == 0) {
    cut(next, next);
    writeElementId();
  }
  met = <u32>outer;
  idPlace = <usize>(outer >> 32);
}

/** Makes the key `id` that was written `_id`. */
function writeElementId(): void {
  insertUnderscore(idPlace);
  const at = <u32>(idPlace - OUTPUT);
  for (let k = openCount; k > 0; k--) {
    const place = OPEN_REFERENCES + ((k - 1) << 4);
    if (load<u32>(place) < at) return;
    store<u32>(place, load<u32>(place) + 1);
    store<u32>(place, load<u32>(place, 4) + 1, 4);
  }
}

/** A member: key [key, close] with its quotes, value at `from`. Gives the address past the value, or 0. */
export function referenceMember(entry: usize, key: usize, close: usize, from: usize): usize {
  const action = actionOf(entry);
  if (action == Action_reference) {
    if (load<u8>(from) != 0x22) return skip(from);
    if ((met & (REFERENCE | STORED)) != 0) return 0;
    met |= REFERENCE;
    if (idPlace != 0) {
      cut(key, key);
      writeElementId();
      idPlace = 0;
      met |= ID;
    }
    return reference(key, close, from);
  }
  if (action == Action_referenceId) {
    if ((met & REFERENCE) != 0) {
      if ((met & (ID | ELEMENT_ID)) != 0) return 0;
      met |= ID;
      cut(key, close + 1);
      put(0x2264695f22, 5); // "_id"
    } else if ((met & TYPE) == 0) {
      if (idPlace != 0 || (met & ELEMENT_ID) != 0) return 0;
      cut(key + 1, key + 1);
      idPlace = out;
    }
    return skip(from);
  }
  if (action == Action_referenceElementId) {
    if (idPlace != 0 || (met & ID) != 0) return 0;
    met |= ELEMENT_ID;
    return skip(from);
  }
  if ((met & REFERENCE) != 0) return 0;
  met |= STORED;
  if (action == Action_referenceType) met |= TYPE;
  const next = skip(from);
  if (action == Action_referenceUri && listsOpen && (met & TYPE) == 0 && load<u8>(from) == 0x22 && next != 0) {
    if (idPlace != 0) return 0;
    cut(key, key);
    if (!listOpen(out, out + (next - key), from, next - 1)) return 0;
  }
  return next;
}

/** `reference` with the string at `quote`. */
function reference(key: usize, keyClose: usize, quote: usize): usize {
  const slash = typeEnd(quote + 1);
  if (slash == UNKNOWN) return 0;
  if (slash != 0) {
    const id = slash + slashLength(slash);
    const close = idEnd(id);
    if (close == UNKNOWN) return 0;
    if (close != 0) {
      cut(key, quote + 1);
      putWide(i64x2(0x6372756f73657222, 0x223a226570795465), 16); // "resourceType":"
      cut(slash, id);
      put(0x223a226469222c22, 8); // ","id":"
      return close + 1;
    }
  }
  const close = nextQuote(quote + 1);
  if (close >= end) return 0;
  if (load<u8>(quote + 1) == 0x23 && close > quote + 2) {
    cut(key, quote + 2);
    putWide(i64x2(0x65526c61636f6c22, 0x223a2266), 12); // "localRef":"
    return close + 1;
  }
  cut(key, keyClose + 1);
  if (listsOpen && !listOpen(out, out + 5 + (close - keyClose), quote, close)) return 0;
  put(0x2269727522, 5); // "uri"
  return close + 1;
}

function listOpen(from: usize, to: usize, quote: usize, close: usize): bool {
  if (openCount == MOST_OPEN_REFERENCES) return false;
  const place = OPEN_REFERENCES + (openCount << 4);
  store<u32>(place, <u32>(from - OUTPUT));
  store<u32>(place, <u32>(to - OUTPUT), 4);
  store<u32>(place, <u32>(quote - INPUT), 8);
  store<u32>(place, <u32>(close - INPUT), 12);
  openCount++;
  return true;
}
