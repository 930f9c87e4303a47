import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import { IdentityTransform } from '../../src/pipeline/identity-transform.ts';
import { NdjsonEncoder } from '../../src/pipeline/ndjson-encoder.ts';
import type { EncoderOptions } from '../../src/pipeline/row-encoder.ts';
import { readCopyBinary } from './read-copy-binary.ts';

export interface EncodedRow {
  readonly id: string;
  /** The JSON text without its two members, as Postgres gets it. */
  readonly text: string;
}

const JSONB_VERSION = 1;

/** An encoder with limits far above what tests feed it, unless told otherwise. */
export function testEncoder(options: Partial<EncoderOptions> = {}): NdjsonEncoder {
  return new NdjsonEncoder({
    transform: new IdentityTransform('Patient'),
    constants: [],
    maxLineBytes: 1e6,
    buffers: new CopyBuffers(4096),
    ...options,
  });
}

/** Runs an encoder over chunks and reads back what Postgres would have got. */
export async function encode(chunks: readonly Buffer[], encoder = testEncoder()): Promise<EncodedRow[]> {
  const source = Readable.from(chunks);
  const output = await buffer(source.compose(encoder));
  return readCopyBinary(output).map((fields) => {
    const [id, jsonb] = fields.slice(-2);
    if (id === undefined || jsonb?.[0] !== JSONB_VERSION) throw new Error('A row without id and jsonb');
    return { id: id.toString(), text: jsonb.toString('utf8', 1) };
  });
}

/** Encodes one text given in one piece. */
export function encodeText(text: string, options: Partial<EncoderOptions> = {}): Promise<EncodedRow[]> {
  return encode([Buffer.from(text)], testEncoder(options));
}
