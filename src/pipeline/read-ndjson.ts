import { type DecompressOptions, decompress } from './decompress.ts';
import { checkIsText, HEAD_BYTES, packingOf } from './file-format.ts';

/**
 * Unpacks a file's bytes where they are gzip or zstd, detected from their content and not from the file's name; all members of a
 * multi-member gzip and all frames of a zstd file are unpacked. An empty file gives nothing.
 * @throws DecompressError when packed data is damaged or cut, FormatError when the file is something else than ndjson, or what
 * `bytes` throws
 */
export async function* readNdjson(
  bytes: AsyncIterable<Buffer>,
  times: DecompressOptions['times'] = { gunzipMs: 0 },
  memory: DecompressOptions['memory'] = 'lasting',
  buffers?: DecompressOptions['buffers'],
): AsyncGenerator<Buffer> {
  const source = bytes[Symbol.asyncIterator]();
  try {
    const head = await readHead(source);
    const packing = packingOf(head);
    const all = startingWith(head, source);
    if (packing === 'none') {
      checkIsText(head, packing);
      yield* all;
      return;
    }
    let isFirst = true;
    for await (const chunk of decompress(all, packing, { times, memory, buffers })) {
      if (isFirst) checkIsText(chunk, packing);
      isFirst = false;
      yield chunk;
    }
  } finally {
    await source.return?.();
  }
}

/** The first chunks, together long enough to detect the format. */
async function readHead(source: AsyncIterator<Buffer>): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < HEAD_BYTES) {
    const next = await source.next();
    if (next.done === true) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return head;
}

async function* startingWith(head: Buffer, source: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  yield* { [Symbol.asyncIterator]: () => source };
}
