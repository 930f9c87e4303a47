/** One series of Prometheus's text format. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Exposition {
  /** Type by family name. */
  types: Map<string, string>;
  samples: Sample[];
  /** The value of the one series with this name and these labels; undefined when there is none. */
  value(name: string, labels?: Record<string, string>): number | undefined;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const HELP = new RegExp(`^# HELP (${NAME}) .+$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`);
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"/;
const SERIES = new RegExp(`^(${NAME})(?:\\{(${LABEL.source}(?:,${LABEL.source})*)\\})? (\\S+)$`);

/**
 * Parses the text format, version 0.0.4, and holds it to what the format's page demands: a line break at the end, HELP
 * and TYPE once and before the family's samples, no series twice, histograms that add up.
 * @throws Error that names the line
 */
export function parseExposition(text: string): Exposition {
  if (!text.endsWith('\n')) throw new Error('the text does not end with a line break');
  const types = new Map<string, string>();
  const helped = new Set<string>();
  const bySeries = new Map<string, Sample>();
  for (const [at, line] of text.split('\n').entries()) {
    const refuse = (reason: string): never => {
      throw new Error(`line ${at + 1}: ${reason}: ${line}`);
    };
    if (line === '') continue;
    const help = HELP.exec(line)?.[1];
    const [, typed, type] = TYPE.exec(line) ?? [];
    if (help !== undefined) {
      if (helped.has(help)) refuse('HELP twice');
      helped.add(help);
    } else if (typed !== undefined && type !== undefined) {
      if (types.has(typed)) refuse('TYPE twice');
      types.set(typed, type);
    } else {
      const sample = parseSample(line) ?? refuse('no sample');
      if (!types.has(familyOf(sample.name, types))) refuse('sample before its TYPE');
      const key = seriesKey(sample.name, sample.labels);
      if (bySeries.has(key)) refuse('series twice');
      bySeries.set(key, sample);
    }
  }
  const samples = [...bySeries.values()];
  for (const [family, type] of types) if (type === 'histogram') checkHistogram(family, samples);
  return { types, samples, value: (name, labels = {}) => bySeries.get(seriesKey(name, labels))?.value };
}

function parseSample(line: string): Sample | undefined {
  const match = SERIES.exec(line);
  const name = match?.[1];
  const value = match?.at(-1);
  if (name === undefined || value === undefined) return undefined;
  const labels = [...(match?.[2] ?? '').matchAll(new RegExp(LABEL, 'g'))].map(([, label = '', text = '']) => [
    label,
    text.replaceAll(/\\([\\"n])/g, (_all, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
  ]);
  const number = value === '+Inf' ? Infinity : Number(value);
  if (Number.isNaN(number) && value !== 'Nan' && value !== 'NaN') return undefined;
  return { name, labels: Object.fromEntries(labels), value: number };
}

function familyOf(name: string, types: ReadonlyMap<string, string>): string {
  const family = name.replace(/_(bucket|sum|count)$/, '');
  return types.get(family) === 'histogram' || types.get(family) === 'summary' ? family : name;
}

function seriesKey(name: string, labels: Record<string, string>): string {
  return JSON.stringify([name, Object.entries(labels).sort()]);
}

function checkHistogram(family: string, samples: readonly Sample[]): void {
  const buckets = samples.filter(({ name }) => name === `${family}_bucket`);
  const groups = Map.groupBy(buckets, ({ labels: { le: _le, ...rest } }) => seriesKey(family, rest));
  for (const [key, group] of groups) {
    const rising = group.every(({ value }, at) => value >= (group[at - 1]?.value ?? 0));
    const count = samples.find(
      ({ name, labels }) => name === `${family}_count` && seriesKey(family, labels) === key,
    )?.value;
    if (!rising || group.at(-1)?.labels['le'] !== '+Inf' || group.at(-1)?.value !== count) {
      throw new Error(`histogram ${key} does not add up`);
    }
  }
}
