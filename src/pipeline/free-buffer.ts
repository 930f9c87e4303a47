/**
 * Frees a large buffer's memory at once; it must not be read again. Left to the garbage collector, those of long lines pile
 * up to several times what is in use. One that shares its memory stays as it is.
 */
export function freeBuffer({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}
