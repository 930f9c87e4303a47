/** Two u32: how many bytes of the input were taken, and why it stopped. */
export const RESULT: usize = 1024;
export const KEY: usize = 1088;
export const DEFAULT_TS: usize = 1120;
/** Four pairs of numbers each: what a hash begins with, and that of bytes which come in parts. */
export const KEYED_STATE: usize = 1280;
export const STREAM_STATE: usize = 1408;

export const INPUT: usize = 4096;
export const INPUT_BYTES: u32 = 256 * 1024;
/** Most rows in the input: none is shorter than the fields that every one has. */
export const MOST_ROWS: u32 = INPUT_BYTES / 34 + 1;
/** Behind the input is room for a whole last block. */
export const ENDS: usize = INPUT + INPUT_BYTES + 64;
export const FIELDS: usize = ENDS + 4 * MOST_ROWS;
export const MEMORY_BYTES: usize = (FIELDS + 20 * MOST_ROWS + 0xffff) & ~0xffff;
