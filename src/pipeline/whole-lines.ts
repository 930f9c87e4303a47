const LINE_FEED = 0x0a;

/** Bytes of an overlong line that are kept, to show what it was. */
const HEAD_BYTES = 1024;

/** Some whole lines of a file, and where they stand in it. */
export interface LineRun {
  /** The lines; of an overlong one, its first 1 kB. */
  bytes: Buffer;
  /** 1-based number of the first line. */
  firstLine: number;
  /** Offset of the first line in the unpacked file, in bytes. */
  offset: number;
  /** The run is one line that has passed the limit. */
  tooLong: boolean;
}

/**
 * Gathers a stream into runs of whole lines.
 * @param runBytes size from which a run is handed on, in bytes
 * @param maxLineBytes a line that passes this before its end comes is not kept: memory stays bounded
 */
export async function* wholeLines(
  chunks: AsyncIterable<Buffer>,
  runBytes: number,
  maxLineBytes: number,
): AsyncGenerator<LineRun> {
  const gatherer = new LineGatherer();
  for await (const chunk of chunks) {
    let rest = chunk;
    if (gatherer.skipping) {
      const feed = rest.indexOf(LINE_FEED);
      gatherer.skip(feed === -1 ? rest.length : feed + 1);
      if (feed === -1) continue;
      yield gatherer.takeOverlong();
      rest = rest.subarray(feed + 1);
    }
    const last = rest.lastIndexOf(LINE_FEED);
    if (last !== -1) gatherer.complete(rest.subarray(0, last + 1));
    if (gatherer.completeBytes >= runBytes) yield gatherer.takeRun();
    gatherer.begin(rest.subarray(last + 1));
    if (gatherer.lineBytes <= maxLineBytes) continue;
    if (gatherer.completeBytes > 0) yield gatherer.takeRun();
    gatherer.startSkipping();
  }
  if (gatherer.skipping) yield gatherer.takeOverlong();
  else {
    gatherer.complete(Buffer.alloc(0));
    if (gatherer.completeBytes > 0) yield gatherer.takeRun();
  }
}

/** Complete lines, then the beginning of one more; or an overlong line of which only the head is kept. */
class LineGatherer {
  skipping = false;
  completeBytes = 0;
  lineBytes = 0;
  #complete: Buffer[] = [];
  #line: Buffer[] = [];
  #firstLine = 1;
  #offset = 0;

  /** The line begun ends with `bytes`, and more complete ones may be in them. */
  complete(bytes: Buffer): void {
    this.#complete.push(...this.#line, bytes);
    this.completeBytes += this.lineBytes + bytes.length;
    this.#line = [];
    this.lineBytes = 0;
  }

  /** More of the line that has not ended. */
  begin(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#line.push(bytes);
    this.lineBytes += bytes.length;
  }

  startSkipping(): void {
    this.skipping = true;
    this.#line = [Buffer.from(Buffer.concat(this.#line).subarray(0, HEAD_BYTES))];
  }

  skip(bytes: number): void {
    this.lineBytes += bytes;
  }

  takeRun(): LineRun {
    const bytes = Buffer.concat(this.#complete);
    const run = { bytes, firstLine: this.#firstLine, offset: this.#offset, tooLong: false };
    this.#firstLine += countFeeds(bytes);
    this.#offset += bytes.length;
    this.#complete = [];
    this.completeBytes = 0;
    return run;
  }

  takeOverlong(): LineRun {
    const run = { bytes: Buffer.concat(this.#line), firstLine: this.#firstLine, offset: this.#offset, tooLong: true };
    this.#firstLine++;
    this.#offset += this.lineBytes;
    this.#line = [];
    this.lineBytes = 0;
    this.skipping = false;
    return run;
  }
}

function countFeeds(bytes: Buffer): number {
  let feeds = 0;
  for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, at + 1)) feeds++;
  return feeds;
}
