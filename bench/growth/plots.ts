import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Summary } from '../report/bench-report.ts';

type Growth = Readonly<Record<string, readonly (Summary & { at: number })[]>>;

interface Plot {
  file: string;
  series: string;
  x: string;
  y: string;
  /** Lines by their name in the legend; the figure is undefined where nobody knows it. */
  lines: Readonly<Record<string, (point: Summary) => number | undefined>>;
}

const TIMES = {
  'wall time': (point: Summary) => point.wallS,
  'loader CPU time': (point: Summary) => point.cpuS,
};
const MEMORY = { 'peak memory': (point: Summary) => point.peakRssMb };

const PLOTS: readonly Plot[] = [
  { file: 'growth-sizes.svg', series: 'sizes', x: 'ndjson, MB', y: 's', lines: TIMES },
  { file: 'growth-threads.svg', series: 'threads', x: 'thread-num', y: 's', lines: TIMES },
  { file: 'growth-memory-by-file.svg', series: 'files', x: 'one file, MB of ndjson', y: 'MB resident', lines: MEMORY },
  { file: 'growth-memory-by-threads.svg', series: 'threads', x: 'thread-num', y: 'MB resident', lines: MEMORY },
];

/** SVG files by name, of the series that were measured. */
export async function plots(growth: Growth): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const plot of PLOTS) {
    const points = growth[plot.series];
    if (points !== undefined) files[plot.file] = await svg(plot, points);
  }
  return files;
}

async function svg({ lines, x, y }: Plot, points: readonly (Summary & { at: number })[]): Promise<string> {
  const values = Object.entries(lines).flatMap(([line, figure]) =>
    points.map((point) => ({ line, x: point.at, y: figure(point) })),
  );
  const spec: TopLevelSpec = {
    width: 420,
    height: 240,
    background: 'white',
    data: { values },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'x', type: 'quantitative', title: x },
      y: { field: 'y', type: 'quantitative', title: y, scale: { zero: true } },
      color: { field: 'line', type: 'nominal', title: null },
    },
  };
  const svg = await new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG();
  return withTitle(svg, `${Object.keys(lines).join(', ')} by ${x}`);
}

/** One title for the whole picture, in the place of Vega's role and label on each of its parts. */
export function withTitle(svg: string, title: string): string {
  const plain = svg.replaceAll(/ (?:role|aria-[a-z]+)="[^"]*"/g, '');
  return plain.replace(/^<svg[^>]*>/, (open) => `${open}<title>${title}</title>`);
}
