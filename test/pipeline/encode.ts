import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import { IdentityTransform } from '../../src/pipeline/identity-transform.ts';
import { PlainRowModule } from '../../src/pipeline/plain-row-module.ts';
import type { EmitChunk } from '../../src/pipeline/row-chunks.ts';
import { type EncoderOptions, type LineObserver, RowEncoder } from '../../src/pipeline/row-encoder.ts';
import { readCopyBinary } from './read-copy-binary.ts';

export interface EncodedRow {
  readonly id: string;
  /** The JSON text without its two members, as Postgres gets it. */
  readonly text: string;
}

const JSONB_VERSION = 1;
/** Takes plain lines, as in a worker thread; what it leaves is scanned line by line. */
const plainRows = new PlainRowModule();

/** An encoder whose buffers are used again at once, and the bytes that came out of it; those of its streams one behind the other. */
class TestEncoder extends RowEncoder {
  readonly #outputs: readonly Buffer[][];

  constructor(options: EncoderOptions, observer?: LineObserver, streams = 1) {
    const outputs = Array.from({ length: streams }, (): Buffer[] => []);
    const emits = outputs.map(
      (output): EmitChunk =>
        (chunk, reuse) => {
          output.push(Buffer.from(chunk));
          reuse();
        },
    );
    super(options, emits, observer);
    this.#outputs = outputs;
  }

  get output(): readonly Buffer[] {
    return this.#outputs.flat();
  }
}

/** An encoder with limits far above what tests feed it, unless told otherwise. */
export function testEncoder(
  options: Partial<EncoderOptions> = {},
  observer?: LineObserver,
  streams?: number,
): TestEncoder {
  const transform = new IdentityTransform('Patient', plainRows);
  return new TestEncoder(
    { transform, constants: [], maxLineBytes: 1e6, buffers: new CopyBuffers(4096), ...options },
    observer,
    streams,
  );
}

/** Runs an encoder over chunks and reads back what Postgres would have got. */
export function encode(chunks: readonly Buffer[], encoder = testEncoder()): EncodedRow[] {
  for (const chunk of chunks) encoder.write(chunk);
  encoder.end();
  return readCopyBinary(Buffer.concat(encoder.output)).map((fields) => {
    const [id, jsonb] = fields.slice(-2);
    if (id === undefined || jsonb?.[0] !== JSONB_VERSION) throw new Error('A row without id and jsonb');
    return { id: id.toString(), text: jsonb.toString('utf8', 1) };
  });
}

/** Encodes one text given in one piece. */
export function encodeText(text: string, options: Partial<EncoderOptions> = {}): EncodedRow[] {
  return encode([Buffer.from(text)], testEncoder(options));
}
