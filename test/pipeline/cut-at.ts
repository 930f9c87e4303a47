/** Cuts bytes at the given offsets, in any order; offsets beyond the end are ignored. */
export function cutAt(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const borders = [0, ...offsets.filter((offset) => offset <= bytes.length).toSorted((a, b) => a - b), bytes.length];
  return borders.slice(1).map((border, index) => bytes.subarray(borders[index], border));
}
