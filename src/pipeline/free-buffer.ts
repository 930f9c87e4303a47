/**
 * Frees a large buffer's memory at once; it must not be read again. Left to the garbage collector, those of long lines pile
 * up to several times what is in use. One that shares its memory stays as it is.
 * @param spareBytes of its memory, at most: behind what the buffer shows
 */
export function freeBuffer({ buffer, byteOffset, length }: Buffer, spareBytes = 0): void {
  const isOwn = byteOffset === 0 && buffer.byteLength <= length + spareBytes;
  if (isOwn && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
