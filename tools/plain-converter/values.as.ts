import { INPUT, NEEDLES } from './memory-map.as';
import { closeOf, nextQuote } from './scan.as';

/** The line's end. */
export let end: usize = INPUT;
/** The first needle that has not been passed. */
let needle: usize = NEEDLES;

export function beginValues(lineEnd: usize): void {
  end = lineEnd;
  needle = NEEDLES;
}

/** The address of the first byte from `from` on that is no white space. */
@inline
export function skipSpace(from: usize): usize {
  let at = from;
  while (true) {
    const byte = load<u8>(at);
    if (byte != 0x20 && byte != 0x09 && byte != 0x0d) return at;
    at++;
  }
}

@inline
export function isBracket(byte: u32): bool {
  return (byte | 0x20) == 0x7b;
}

/** The address past the value at `from`, or 0. */
@inline
export function skip(from: usize): usize {
  const first: u32 = load<u8>(from);
  if (first == 0x22) {
    const close = nextQuote(from + 1);
    return close < end ? close + 1 : 0;
  }
  return isBracket(first) ? closeOf(from) + 1 : skipWord(from);
}

/** A number, `true`, `false` or `null`: anything that a comma, a closing bracket or white space ends. */
function skipWord(from: usize): usize {
  let at = from;
  for (; at < end; at++) {
    const byte = load<u8>(at);
    if (byte == 0x2c || (byte | 0x20) == 0x7d || byte == 0x20 || byte == 0x09 || byte == 0x0d) break;
    if (byte == 0x22) return 0;
  }
  return at == from ? 0 : at;
}

/** Whether a key `extension` or `modifierExtension` may lie in [from, to). Ranges must not go backwards. */
@inline
export function mayHaveExtension(from: usize, to: usize): bool {
  while (load<u32>(needle) < <u32>from) needle += 4;
  return load<u32>(needle) < <u32>to;
}
