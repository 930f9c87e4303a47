/** Lines are written this often, in ms, where they cannot be rewritten. */
const PLAIN_INTERVAL_MS = 1_000;

/** Shows how far something is: one line, rewritten on a terminal; a plain line every second elsewhere. */
export class ProgressLine {
  readonly #out: NodeJS.WriteStream;
  #shown = '';
  #written = '';
  #writtenAt = 0;

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
  }

  /** Replaces the line. */
  show(text: string): void {
    this.#shown = text;
    if (this.#out.isTTY) {
      this.#out.write(`\r\u001B[2K${text.slice(0, this.#out.columns - 1)}`);
      return;
    }
    if (performance.now() - this.#writtenAt >= PLAIN_INTERVAL_MS) this.#writeLine();
  }

  /** Leaves the last text standing. */
  end(): void {
    if (this.#shown === '') return;
    if (this.#out.isTTY) this.#out.write('\n');
    else if (this.#shown !== this.#written) this.#writeLine();
    this.#shown = '';
  }

  #writeLine(): void {
    this.#out.write(`${this.#shown}\n`);
    this.#written = this.#shown;
    this.#writtenAt = performance.now();
  }
}
