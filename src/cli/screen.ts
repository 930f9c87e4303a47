import { plainText } from '../text/plain-text.ts';

const ESCAPE = '\u001B[';

/** A block of lines at the bottom of a terminal that is drawn again and again in the same place. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  #drawn = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  get columns(): number {
    return this.#out.columns;
  }

  /** Puts these lines in the place of those drawn before; what does not fit the window is cut. */
  draw(lines: readonly string[]): void {
    const { columns, rows } = this.#out;
    const fitting = lines.slice(0, Math.max(1, rows - 1)).map((line) => plainText(line).slice(0, columns - 1));
    this.#out.write(`${this.#toStart()}${ESCAPE}0J${fitting.map((line) => `${line}\n`).join('')}`);
    this.#drawn = fitting.length;
  }

  /** Writes lines that stay; the block is gone until it is drawn again. */
  print(lines: readonly string[]): void {
    this.#out.write(`${this.#toStart()}${ESCAPE}0J${lines.map((line) => `${plainText(line)}\n`).join('')}`);
    this.#drawn = 0;
  }

  #toStart(): string {
    return this.#drawn === 0 ? '' : `${ESCAPE}${this.#drawn}A\r`;
  }
}
