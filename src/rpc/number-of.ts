/** `1 file`, `2 files`: a count with its noun, for a message. */
export function numberOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
