/**
 * Thrown by a source's `list` when a store turns out to list its keys in an order that cannot be relied on: what was listed so
 * far does not count, and the same source, asked again, lists one page after another.
 */
export class ListAgain extends Error {
  override readonly name = 'ListAgain';
}
