import { LineError } from '../errors/line-error.ts';
import type { LineConverter } from '../pipeline/convert-line.ts';
import { type LineSink, LineSplitter } from '../pipeline/line-splitter.ts';
import { readNdjson } from '../pipeline/read-ndjson.ts';

const MAX_LINE_BYTES = 512 * 1024 * 1024;

/**
 * The lines of a file, packed or not, each converted; bad ones are reported and left out.
 * @throws DecompressError, FormatError, or what `bytes` throws
 */
export async function* convertFile(
  bytes: AsyncIterable<Buffer>,
  converter: LineConverter,
  type: string,
  onBadLine: (error: LineError) => void,
): AsyncGenerator<string> {
  const lines = new ConvertedLines(converter, type, onBadLine);
  const splitter = new LineSplitter(lines, MAX_LINE_BYTES);
  for await (const chunk of readNdjson(bytes)) {
    splitter.push(chunk);
    yield* lines.taken();
  }
  splitter.end();
  yield* lines.taken();
}

class ConvertedLines implements LineSink {
  readonly #converter: LineConverter;
  readonly #type: string;
  readonly #onBadLine: (error: LineError) => void;
  #buffer: Buffer = Buffer.alloc(0);
  #line = 0;
  #texts: string[] = [];

  constructor(converter: LineConverter, type: string, onBadLine: (error: LineError) => void) {
    this.#converter = converter;
    this.#type = type;
    this.#onBadLine = onBadLine;
  }

  attach(buffer: Buffer): void {
    this.#buffer = buffer;
  }

  line(start: number, end: number): void {
    this.#line++;
    try {
      const text = this.#converter.convert(this.#buffer.subarray(start, end), this.#line, this.#type);
      if (text !== undefined) this.#texts.push(text);
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      this.#onBadLine(error);
    }
  }

  lineTooLong(): void {
    this.#line++;
    this.#onBadLine(new LineError('line-too-long', this.#line, { limit: MAX_LINE_BYTES }));
  }

  /** What was converted since the last time. */
  taken(): string[] {
    return this.#texts.splice(0);
  }
}
