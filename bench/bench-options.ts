import { parseOptions, toInteger, UsageError } from '../demo/parse-options.ts';

/** What every bench can be told. */
export interface BenchOptions {
  /** Size of the ndjson, in MB. */
  megabytes: number;
  seed: number;
  /** How many files, where a bench is about their number. */
  files: number;
  rounds: number;
  /** Files at a time. */
  threads: number;
  /** Folder of another Postgres's programs; the embedded one if undefined. */
  postgres: string | undefined;
  /** What Postgres and its file pages may take, in MB; all there is if undefined. */
  postgresMemory: number | undefined;
  /** Names of the contenders or cases to run; all if empty. */
  only: readonly string[];
  /** Other source trees of this project to compare with. */
  compare: readonly string[];
  json: boolean;
}

const OPTIONS = {
  size: { type: 'string' },
  seed: { type: 'string' },
  files: { type: 'string' },
  rounds: { type: 'string' },
  threads: { type: 'string' },
  postgres: { type: 'string' },
  'postgres-memory': { type: 'string' },
  only: { type: 'string', multiple: true },
  compare: { type: 'string', multiple: true },
  json: { type: 'boolean' },
} as const;

const list = (texts: readonly string[] = []) => texts.flatMap((text) => text.split(','));

/**
 * Reads the command line of a bench.
 * @param defaults what this bench does when told nothing
 * @param unused options that mean nothing to this bench, and are refused
 * @throws UsageError when an option is unknown, unused or given twice (lists may be), or no number where one is needed
 */
export function readBenchOptions(
  defaults: { megabytes: number; rounds?: number },
  unused: readonly (keyof typeof OPTIONS)[],
  args?: readonly string[],
): BenchOptions {
  const values = parseOptions(OPTIONS, args);
  for (const name of unused) if (values[name] !== undefined) throw new UsageError(`--${name} means nothing here`);
  const memory = values['postgres-memory'];
  return {
    megabytes: positive('size', values.size, defaults.megabytes),
    seed: toInteger('--seed', values.seed, 1, 1),
    files: toInteger('--files', values.files, 10_000, 1),
    rounds: toInteger('--rounds', values.rounds, defaults.rounds ?? 3, 1),
    threads: toInteger('--threads', values.threads, 4, 1),
    postgres: values.postgres,
    postgresMemory: memory === undefined ? undefined : positive('postgres-memory', memory, 0),
    only: list(values.only),
    compare: list(values.compare),
    json: values.json ?? false,
  };
}

/** @throws when the text is no number above 0 */
export function positive(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!(value > 0)) throw new UsageError(`--${name} must be a number above 0, not ${text}`);
  return value;
}
