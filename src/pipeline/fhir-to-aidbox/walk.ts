import type { ConvertFailureCode } from './convert-failure.ts';
import type { Node } from './node.ts';
import type { Segments } from './segments.ts';

export type ResolveUri = (uri: string) => { type: string; id: string } | undefined;

/** What of a line's walk the writers of single elements work with. */
export interface Walk {
  readonly segments: Segments;
  readonly bytes: Buffer;
  readonly end: number;
  /** Told of each Reference's URI; gives the resource that it means, where that is known. */
  readonly resolve: ResolveUri | undefined;
  /** Converts the value at `from`. @returns the offset past it, or -1 after a failure */
  value(node: Node | undefined, from: number): number;
  /** Converts the object at `open`, whose keys the node knows. @returns the offset past it, or -1 after a failure */
  object(node: Node, open: number): number;
  /** Lets the value at `from` stand. @returns the offset past it, or -1 after a failure */
  skip(from: number): number;
  /** @returns -1 */
  fail(code: ConvertFailureCode, keys?: readonly [string, string]): -1;
}
