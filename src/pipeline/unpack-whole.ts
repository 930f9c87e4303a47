import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { checkIsText, packingOf } from './file-format.ts';
import { readNdjson } from './read-ndjson.ts';

/** Of gzip's last bytes, those that say how long its last member is, unpacked; and the least that zlib takes, in bytes. */
const LENGTH_BYTES = 4;
const LEAST_CHUNK_BYTES = 64;

/** Zlib takes a buffer that it has filled for too short, and another one of the same length. */
export const SPARE_BYTES = 1;

/** With `info`, zlib's answer has the unpacker besides, which knows how many bytes it has taken. */
const unpackedSchema = z.object({ buffer: z.instanceof(Buffer), engine: z.object({ bytesWritten: z.number() }) });

/**
 * Unpacks a whole small file at once: a stream for each takes more CPU time than its rows.
 * @param packed all bytes of the file
 * @param most bytes that it may unpack to
 * @throws what `readNdjson` does; other errors where it unpacks to more, or gzip is not as it should be. The file is then to be read
 * by `readNdjson`, which says what is wrong with it
 * @returns a buffer that has up to `SPARE_BYTES` more
 */
export async function unpackWhole(packed: Buffer, most: number): Promise<Buffer> {
  if (packingOf(packed) !== 'gzip') return await readWhole(packed, most);
  // A buffer of the length that gzip itself tells: if that is not so, there are several buffers.
  const length = packed.length < LENGTH_BYTES ? 0 : packed.readUInt32LE(packed.length - LENGTH_BYTES);
  const chunkSize = Math.min(Math.max(length + SPARE_BYTES, LEAST_CHUNK_BYTES), most);
  const options = { info: true, maxOutputLength: most, chunkSize };
  const { buffer, engine } = unpackedSchema.parse(gunzipSync(packed, options));
  let end = packed.length;
  while (end > engine.bytesWritten && packed[end - 1] === 0) end--;
  if (end > engine.bytesWritten) throw new Error('more than zero padding follows the gzip data');
  if (buffer.length > 0) checkIsText(buffer, 'gzip');
  return buffer;
}

async function readWhole(packed: Buffer, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of readNdjson(inOnePiece(packed))) {
    bytes += chunk.length;
    if (bytes > most) throw new Error(`the file unpacks to more than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function* inOnePiece(packed: Buffer): AsyncGenerator<Buffer> {
  if (packed.length > 0) yield packed;
}
