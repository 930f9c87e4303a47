import { isEscaped } from './lookup.as';
import { nextQuote } from './scan.as';
import { end, skip, skipSpace } from './values.as';

/** Where the `resourceType` of the object at `open` begins behind its quote; 0 where it has none, or not as expected. */
export function typeOfResource(open: usize): usize {
  let at = skipSpace(open + 1);
  while (load<u8>(at) == 0x22) {
    const close = nextQuote(at + 1);
    if (close >= end || isEscaped(at, close)) return 0;
    let from = skipSpace(close + 1);
    if (load<u8>(from) != 0x3a) return 0;
    from = skipSpace(from + 1);
    const next = skip(from);
    if (next == 0) return 0;
    // `resourceType`
    if (close - at == 13 && load<u64>(at + 1) == 0x656372756f736572 && load<u32>(at + 9) == 0x65707954) {
      return load<u8>(from) == 0x22 && !isEscaped(from, next) ? from + 1 : 0;
    }
    at = skipSpace(next);
    if (load<u8>(at) != 0x2c) return 0;
    at = skipSpace(at + 1);
  }
  return 0;
}
