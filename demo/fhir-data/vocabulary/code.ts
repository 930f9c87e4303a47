/** One entry of a code system. */
export interface Code {
  readonly code: string;
  readonly display: string;
}

/** Reads a table of codes, one per line: the code, a space, the display. */
export function codeTable(table: string): readonly Code[] {
  return table
    .trim()
    .split('\n')
    .map((line) => codeOf(line.trim()));
}

export function codeOf(line: string): Code {
  const space = line.indexOf(' ');
  return { code: line.slice(0, space), display: line.slice(space + 1) };
}
