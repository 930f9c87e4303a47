import type { DemoResourceType } from './demo-resource-types.ts';
import { indexHash, mix } from './random.ts';

const HEX: readonly string[] = Array.from({ length: 65536 }, (_, word) => word.toString(16).padStart(4, '0'));

/**
 * The id of the resource at an index: a version 4 UUID by shape. A pure function, so that any resource can refer to any
 * other without having seen it. Unique within (seed, type): the first 32 bits are a bijection of the index.
 */
export function resourceId(seed: number, type: DemoResourceType | 'Note', index: number): string {
  const a = indexHash(seed, type, index);
  const b = (mix(a + 0x9e3779b9) & 0xffff0fff) | 0x4000;
  const c = (mix(a ^ indexHash(seed, 'uuid', index)) & 0x3fffffff) | 0x80000000;
  const d = mix(b ^ c);
  return `${HEX[a >>> 16]}${HEX[a & 0xffff]}-${HEX[b >>> 16]}-${HEX[b & 0xffff]}-${HEX[c >>> 16]}-${HEX[c & 0xffff]}${HEX[d >>> 16]}${HEX[d & 0xffff]}`;
}
