import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { withTitle } from '../growth/plots.ts';
import type { IdOrder } from './id-files.ts';

/** What loads into a table of so many rows took, for each thousand rows; medians of the rounds. */
export interface RowFigures {
  order: IdOrder;
  /** In the table before, in millions. */
  at: number;
  rowsPerSecond: number;
  postgresCpuMs: number;
  walKb: number;
  /** Pages of the key's index that were not in shared_buffers. */
  pagesRead: number;
}

const PLOTS = {
  'growth-rows-rate.svg': { field: 'rowsPerSecond', title: 'rows/s' },
  'growth-rows-cpu.svg': { field: 'postgresCpuMs', title: 'Postgres CPU ms for 1,000 rows' },
  'growth-rows-wal.svg': { field: 'walKb', title: 'WAL kB for 1,000 rows' },
} as const;

/** SVG files by name. */
export async function rowPlots(figures: readonly RowFigures[]): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const [name, { field, title }] of Object.entries(PLOTS)) {
    const spec: TopLevelSpec = {
      width: 420,
      height: 240,
      background: 'white',
      data: { values: figures.map(({ order, at, [field]: y }) => ({ line: `${order} ids`, x: at, y })) },
      mark: { type: 'line', point: true },
      encoding: {
        x: { field: 'x', type: 'quantitative', title: 'rows in the table before, million' },
        y: { field: 'y', type: 'quantitative', title, scale: { zero: true } },
        color: { field: 'line', type: 'nominal', title: null },
      },
    };
    const svg = await new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG();
    files[name] = withTitle(svg, `${title} by rows in the table before`);
  }
  return files;
}
