import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { generateLines } from './generate-resources.ts';
import type { PlannedFile } from './plan-bucket.ts';

const GZIP_LEVEL = 6;
const CHUNK_CHARACTERS = 64 * 1024;

export interface NdjsonSize {
  readonly lines: number;
  /** Before compression, newlines included. */
  readonly rawBytes: number;
}

/** Streams the gzipped ndjson of a planned file into a destination; memory stays flat whatever the file's size. */
export async function writeNdjsonGzip(
  file: PlannedFile,
  seed: number,
  destination: NodeJS.WritableStream,
): Promise<NdjsonSize> {
  const size = { lines: 0, rawBytes: 0 };
  const chunks = Readable.from(ndjsonChunks(file, seed, size), { objectMode: false, highWaterMark: CHUNK_CHARACTERS });
  await pipeline(chunks, createGzip({ level: GZIP_LEVEL }), destination);
  return size;
}

/** The gzipped ndjson of a planned file in memory. */
export async function ndjsonGzip(file: PlannedFile, seed: number): Promise<NdjsonSize & { readonly body: Buffer }> {
  const parts: Buffer[] = [];
  const collector = new Writable({
    write(chunk: Buffer, _encoding, done) {
      parts.push(chunk);
      done();
    },
  });
  const size = await writeNdjsonGzip(file, seed, collector);
  return { ...size, body: Buffer.concat(parts) };
}

function* ndjsonChunks(file: PlannedFile, seed: number, size: { lines: number; rawBytes: number }): Generator<Buffer> {
  let text = '';
  const take = (): Buffer => {
    const chunk = Buffer.from(text, 'utf8');
    size.rawBytes += chunk.length;
    text = '';
    return chunk;
  };
  for (const line of generateLines({ ...file, seed })) {
    text += `${line}\n`;
    size.lines += 1;
    if (text.length >= CHUNK_CHARACTERS) yield take();
  }
  if (text !== '') yield take();
}
