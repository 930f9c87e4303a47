const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** `1,234,567` */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** `12.3 MB`, in powers of 1,000. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`;
}

/** `42 %`; 100 % only when nothing is missing. */
export function formatShare(done: number, total: number): string {
  const percent = total <= 0 ? 0 : done >= total ? 100 : Math.min(99, Math.floor((done / total) * 100));
  return `${percent} %`;
}

/** `3 h 20 min`, `2 min 5 s`, `12 s` */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** `1 file`, `2 files` */
export function formatNumberOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A bar of this many characters, filled to an eighth of one. */
export function formatBar(done: number, total: number, width: number): string {
  const eighths = total <= 0 ? 0 : Math.round(Math.min(done / total, 1) * width * 8);
  const part = ' ▏▎▍▌▋▊▉'[eighths % 8] ?? ' ';
  const full = '█'.repeat(Math.floor(eighths / 8));
  return `▕${(full.length < width ? full + part : full).padEnd(width)}▏`;
}

/**
 * Rows of cells, a head first, as lines. On a terminal columns are padded, those of numbers to the right; elsewhere
 * cells are parted by tabs, for `cut` and `awk`.
 */
export function formatTable(rows: readonly (readonly string[])[], out: { isTTY?: boolean } = process.stdout): string[] {
  return out.isTTY === true
    ? padded(rows)
    : rows.map((row) => row.map((cell) => cell.replace(/[\t\n]/g, ' ')).join('\t'));
}

function padded([head = [], ...rows]: readonly (readonly string[])[]): string[] {
  const columns = head.map((title, column) => {
    const cells = rows.map((row) => row[column] ?? '');
    return {
      width: Math.max(title.length, ...cells.map((cell) => cell.length)),
      numeric: cells.length > 0 && cells.every((cell) => /^([\d.,]+( [a-zA-Z%]+)?)?$/.test(cell)),
    };
  });
  return [head, ...rows].map((row) =>
    columns
      .map(({ width, numeric }, column) => {
        const cell = row[column] ?? '';
        return numeric ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
