// Where things lie in the module's memory. Places in a line are addresses, so that nothing is added to read a byte.

/** Longest line, in bytes; JS converts longer ones itself. */
export const LINE: u32 = 1 << 20;
/** Deepest nesting of brackets. */
export const DEEPEST: u32 = 1 << 12;
const MOST_NEEDLES: u32 = 1 << 17;
export const MOST_OPEN_REFERENCES: u32 = 1 << 14;
const TABLE_BYTES: u32 = 4 << 20;

/** Results of a conversion, as u32; see `module.as.ts`. */
export const RESULT: usize = 1024;
/** The line; behind it is room for a whole last block. A multiple of 64. */
export const INPUT: usize = 2048;
/** By byte of the line one bit, set at quotes that begin or end a string. */
export const QUOTES: usize = INPUT + LINE + 128;
/** By byte of the line a u32: where an opening bracket there is closed. */
export const CLOSES: usize = QUOTES + LINE / 8 + 64;
/** Open brackets, while a line is scanned. */
export const STACK: usize = CLOSES + 4 * LINE;
/** Where an extension may begin, in ascending order, as u32. */
export const NEEDLES: usize = STACK + 4 * DEEPEST + 64;
export const NEEDLES_END: usize = NEEDLES + 4 * MOST_NEEDLES;
/** The converted text: no conversion makes a text twice as long. */
export const OUTPUT: usize = NEEDLES_END + 64;
/** Four u32 each: the member's place [from, to) from the output's beginning, the URI's quotes from the line's. */
export const OPEN_REFERENCES: usize = OUTPUT + 2 * LINE + 64;
/** The definitions, written by JS; see `lookup.as.ts`. */
export const TABLES: usize = OPEN_REFERENCES + 16 * MOST_OPEN_REFERENCES;
export const TABLES_END: usize = TABLES + TABLE_BYTES;
