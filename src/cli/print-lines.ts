import { plainJson, plainText } from '../text/plain-text.ts';

/**
 * Prints lines for people. What others have named or said in them can neither move the cursor nor begin a line. Tabs
 * stay: they part the cells of a table.
 */
export function printLines(lines: readonly string[], out: NodeJS.WritableStream = process.stdout): void {
  out.write(lines.map((line) => `${line.split('\t').map(plainText).join('\t')}\n`).join(''));
}

/** Prints a value as one line of JSON. */
export function printJson(value: unknown, out: NodeJS.WritableStream = process.stdout): void {
  out.write(`${plainJson(JSON.stringify(value))}\n`);
}
